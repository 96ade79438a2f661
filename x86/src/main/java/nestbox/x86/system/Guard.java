package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** Checks that many system instructions share. */
final class Guard {
    private Guard() {}

    /** #GP(0) unless CPL is 0 (as it is in real mode, and never in virtual-8086 mode). */
    static void privileged(Cpu c) {
        if (c.cpl != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    /** #UD in real and virtual-8086 mode. */
    static void protectedMode(Cpu c) {
        if (!c.protectedMode() || c.virtual8086()) {
            throw c.raise(Vector.UD);
        }
    }

    /** #GP(0) for what CR4.UMIP takes from user code. */
    static void umip(Cpu c) {
        if (c.cpl > 0 && (c.cr4 & Cpu.CR4_UMIP) != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    static int iopl(Cpu c) {
        return (int) (c.systemFlags & Flags.IOPL) >> 12;
    }

    /** Asks the extension, if there is one. */
    static boolean taken(Cpu c, Intercept what, Insn in, long operand, long value) {
        return c.extension != null && c.extension.intercept(c, what, in, operand, value);
    }

    static boolean taken(Cpu c, Intercept what, Insn in) {
        return c.extension != null && c.extension.intercept(c, what, in, 0, 0);
    }
}
