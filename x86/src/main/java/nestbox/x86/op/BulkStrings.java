package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;

/**
 * Runs of ascending MOVS and STOS elements within pages that are open for direct access: what the elements would do one by
 * one, with the same effect on every visible state.
 */
final class BulkStrings {
    private static final int PAGE_SIZE = 0x1000;
    /** Shorter runs are not worth the checks. */
    private static final int LEAST = 4;

    private static final int TYPE_WRITABLE = 2;
    /** Code, expand-down, writable and unusable. */
    private static final int PLAIN = 0xe | Cpu.RIGHTS_UNUSABLE;

    private BulkStrings() {}

    /** Elements moved, or 0 if the caller must move one by itself; raises nothing. */
    static int movs(Cpu c, Insn in, int most) {
        if (most < LEAST || (c.systemFlags & Flags.DF) != 0) {
            return 0;
        }
        long from = linear(c, in, in.seg, Reg.RSI);
        long to = linear(c, in, Strings.targetSegment(in), Reg.RDI);
        int elements = Math.min(Math.min(most, inPage(from, in)), inPage(to, in));
        int bytes = elements * (in.size >> 3);
        if (elements < LEAST
                || !fits(c, in, in.seg, Reg.RSI, bytes)
                || !fits(c, in, Strings.targetSegment(in), Reg.RDI, bytes)) {
            return 0;
        }
        return c.mem.copy(from, to, bytes) ? elements : 0;
    }

    static int stos(Cpu c, Insn in, int most) {
        if (most < LEAST || (c.systemFlags & Flags.DF) != 0) {
            return 0;
        }
        long to = linear(c, in, Strings.targetSegment(in), Reg.RDI);
        int elements = Math.min(most, inPage(to, in));
        int bytes = elements * (in.size >> 3);
        if (elements < LEAST || !fits(c, in, Strings.targetSegment(in), Reg.RDI, bytes)) {
            return 0;
        }
        return c.mem.fill(to, bytes, in.size, c.r[Reg.RAX]) ? elements : 0;
    }

    private static long linear(Cpu c, Insn in, int seg, int index) {
        long linear = c.base[seg] + Operands.zeroExtend(c.r[index], in.addressSize);
        return in.codeSize == 64 ? linear : linear & 0xffffffffL;
    }

    /** Whole elements from {@code linear} to the end of its page. */
    private static int inPage(long linear, Insn in) {
        return (PAGE_SIZE - ((int) linear & (PAGE_SIZE - 1))) / (in.size >> 3);
    }

    /** The run neither wraps in its segment nor leaves it, and the segment is one that can be read and written. */
    private static boolean fits(Cpu c, Insn in, int seg, int index, int bytes) {
        long offset = Operands.zeroExtend(c.r[index], in.addressSize);
        long last = offset + bytes - 1;
        if (Operands.zeroExtend(last, in.addressSize) != last) {
            return false;
        }
        return in.codeSize == 64
                || last <= c.limit[seg]
                        && (c.rights[seg] & PLAIN) == TYPE_WRITABLE
                        && (c.base[seg] & 0xffffffffL) + last <= 0xffffffffL;
    }
}
