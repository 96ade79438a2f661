package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** The stacks of inner privilege levels in the current TSS (SDM Vol. 3, "Stack Switching", "64-Bit Mode Stack Behavior"). */
final class Privilege {
    private Privilege() {}

    private static boolean tss32(Cpu c) {
        return (c.rights[Reg.TR] & 8) != 0;
    }

    /** Offset of the stack of {@code level} in the TSS, which must hold it whole: else #TS(TR). */
    private static int slot(Cpu c, int level) {
        boolean wide = tss32(c);
        int offset = wide ? level * 8 + 4 : level * 4 + 2;
        if (offset + (wide ? 5 : 3) > c.limit[Reg.TR] || (c.rights[Reg.TR] & Cpu.RIGHTS_UNUSABLE) != 0) {
            throw c.raise(Vector.TS, c.selector[Reg.TR] & 0xfffc);
        }
        return offset;
    }

    static int stackSelector(Cpu c, int level) {
        int offset = slot(c, level) + (tss32(c) ? 4 : 2);
        return (int) c.mem.loadSystem(2, Descriptor.linear(c, c.base[Reg.TR] + offset));
    }

    static long stackPointer(Cpu c, int level) {
        return c.mem.loadSystem(tss32(c) ? 4 : 2, Descriptor.linear(c, c.base[Reg.TR] + slot(c, level)));
    }

    /** Descriptor of the inner stack: #TS for a wrong one, #SS for one that is not present. */
    static long stack(Cpu c, int selector, int level) {
        if (Descriptor.isNull(selector)) {
            throw c.raise(Vector.TS, 0);
        }
        return Segments.stackDescriptor(c, selector, level, Vector.TS);
    }

    /** The stack pointer at {@code offset} of a 64-bit TSS. */
    static long stack64(Cpu c, int offset) {
        if (offset + 7 > c.limit[Reg.TR]) {
            throw c.raise(Vector.TS, c.selector[Reg.TR] & 0xfffc);
        }
        return c.mem.loadSystem(8, c.base[Reg.TR] + offset);
    }
}
