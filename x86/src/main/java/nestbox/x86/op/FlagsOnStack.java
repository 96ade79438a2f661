package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** PUSHF and POPF with what privilege, IOPL and the virtual-8086 extensions permit (SDM Vol. 2, "PUSHF", "POPF"). */
final class FlagsOnStack {
    private static final long IMAGE = ~(long) (Flags.VM | Flags.RF);
    private static final long WORD = 0xffff;
    /** What POPF may ever change. */
    private static final long WRITABLE =
            Flags.ARITHMETIC | Flags.TF | Flags.IF | Flags.DF | Flags.IOPL | Flags.NT | Flags.AC | Flags.ID;

    private FlagsOnStack() {}

    private static int iopl(Cpu c) {
        return (int) (c.systemFlags & Flags.IOPL) >> 12;
    }

    /** Virtual-8086 mode with IOPL below 3, where PUSHF and POPF fault or work on VIF. */
    private static boolean virtualized(Cpu c) {
        return c.virtual8086() && iopl(c) < 3;
    }

    private static boolean taken(Cpu c, Intercept what, Insn in) {
        return c.extension != null && c.extension.intercept(c, what, in, 0, 0);
    }

    private static boolean vmeWord(Cpu c, Insn in) {
        return (c.cr4 & Cpu.CR4_VME) != 0 && in.size == 16;
    }

    static void pushf(Cpu c, Insn in) {
        long image = c.rflags() & IMAGE;
        if (virtualized(c)) {
            if (!vmeWord(c, in)) {
                throw c.raise(Vector.GP, 0);
            }
            image = (image & ~(long) Flags.IF) | Flags.IOPL | ((image & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        if (!taken(c, Intercept.PUSHF, in)) {
            Stack.push(c, in.size, image);
        }
    }

    static void popf(Cpu c, Insn in) {
        if (virtualized(c)) {
            if (!vmeWord(c, in)) {
                throw c.raise(Vector.GP, 0);
            }
            if (!taken(c, Intercept.POPF, in)) {
                popVirtual(c, in);
            }
            return;
        }
        if (taken(c, Intercept.POPF, in)) {
            return;
        }
        long mask = WRITABLE;
        if (c.virtual8086() || c.cpl > 0) {
            mask &= ~(long) Flags.IOPL;
        }
        if (c.cpl > iopl(c)) {
            mask &= ~(long) Flags.IF;
        }
        set(c, Stack.pop(c, in.size), in.size == 16 ? mask & WORD : mask);
    }

    /** IF of the image goes to VIF. */
    private static void popVirtual(Cpu c, Insn in) {
        long image = Stack.peek(c, in.size);
        boolean enables = (image & Flags.IF) != 0;
        if ((image & Flags.TF) != 0 || (enables && (c.systemFlags & Flags.VIP) != 0)) {
            throw c.raise(Vector.GP, 0);
        }
        Stack.drop(c, in.size >> 3);
        long vif = enables ? Flags.VIF : 0;
        set(c, (image & WORD) | vif, (WRITABLE & WORD & ~(long) (Flags.IOPL | Flags.IF)) | Flags.VIF);
    }

    private static void set(Cpu c, long image, long mask) {
        c.setRflags((c.rflags() & ~mask & ~(long) Flags.RF) | (image & mask));
    }
}
