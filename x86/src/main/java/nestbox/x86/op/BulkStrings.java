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

    private static final int TYPE_CODE_OR_EXPAND_DOWN = 0xc;

    private BulkStrings() {}

    /** Elements moved, or 0 if the caller must move one by itself. */
    static int movs(Cpu c, Insn in, int most) {
        if (most < LEAST || (c.systemFlags & Flags.DF) != 0) {
            return 0;
        }
        long from = Strings.source(c, in);
        long to = Strings.target(c, in, true);
        int elements = Math.min(Math.min(most, inPage(from, in)), inPage(to, in));
        int bytes = elements * (in.size >> 3);
        if (elements < LEAST || !fits(c, in, in.seg, Reg.RSI, bytes) || !fits(c, in, Strings.targetSegment(in), Reg.RDI, bytes)) {
            return 0;
        }
        return c.mem.copy(from, to, bytes) ? elements : 0;
    }

    static int stos(Cpu c, Insn in, int most) {
        if (most < LEAST || (c.systemFlags & Flags.DF) != 0) {
            return 0;
        }
        long to = Strings.target(c, in, true);
        int elements = Math.min(most, inPage(to, in));
        int bytes = elements * (in.size >> 3);
        if (elements < LEAST || !fits(c, in, Strings.targetSegment(in), Reg.RDI, bytes)) {
            return 0;
        }
        return c.mem.fill(to, bytes, in.size, c.r[Reg.RAX]) ? elements : 0;
    }

    /** Whole elements from {@code linear} to the end of its page. */
    private static int inPage(long linear, Insn in) {
        return (PAGE_SIZE - ((int) linear & (PAGE_SIZE - 1))) / (in.size >> 3);
    }

    /** The run neither wraps in its segment nor leaves it. */
    private static boolean fits(Cpu c, Insn in, int seg, int index, int bytes) {
        long offset = Operands.zeroExtend(c.r[index], in.addressSize);
        long last = offset + bytes - 1;
        if (Operands.zeroExtend(last, in.addressSize) != last) {
            return false;
        }
        return in.codeSize == 64
                || (last <= c.limit[seg] && (c.rights[seg] & TYPE_CODE_OR_EXPAND_DOWN) == 0 && !wraps(c, seg, last));
    }

    private static boolean wraps(Cpu c, int seg, long last) {
        return (c.base[seg] & 0xffffffffL) + last > 0xffffffffL;
    }
}
