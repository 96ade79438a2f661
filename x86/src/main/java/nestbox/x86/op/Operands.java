package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;

/** Loads and stores operands by their kinds: the one place that knows registers' sub-parts and effective addresses. */
public final class Operands {
    private Operands() {}

    /** Value of general register {@code n} as an operand of {@code bits}, zero-extended. Byte registers 4-7 follow REX. */
    public static long reg(Cpu c, Insn in, int n, int bits) {
        switch (bits) {
            case 8:
                return n >= 4 && n < 8 && !in.rex ? c.r[n - 4] >>> 8 & 0xff : c.r[n] & 0xff;
            case 16:
                return c.r[n] & 0xffff;
            case 32:
                return c.r[n] & 0xffffffffL;
            default:
                return c.r[n];
        }
    }

    /** Writes general register {@code n}: 32-bit writes clear the upper half, 8- and 16-bit ones keep the rest. */
    public static void setReg(Cpu c, Insn in, int n, int bits, long value) {
        long[] r = c.r;
        switch (bits) {
            case 8:
                if (n >= 4 && n < 8 && !in.rex) {
                    r[n - 4] = (r[n - 4] & ~0xff00L) | (value & 0xff) << 8;
                } else {
                    r[n] = (r[n] & ~0xffL) | (value & 0xff);
                }
                break;
            case 16:
                r[n] = (r[n] & ~0xffffL) | (value & 0xffff);
                break;
            case 32:
                r[n] = value & 0xffffffffL;
                break;
            default:
                r[n] = value;
                break;
        }
    }

    /** Effective address (offset in its segment), truncated to the address size. */
    public static long offset(Cpu c, Insn in) {
        long offset = c.r[in.base] + (c.r[in.index] << in.scale) + in.disp;
        switch (in.addressSize) {
            case 16:
                return offset & 0xffff;
            case 32:
                return offset & 0xffffffffL;
            default:
                return offset;
        }
    }

    /** Segment number to blame for a fault of the memory operand: SS faults with #SS, every other with #GP. */
    public static int faultSegment(Insn in) {
        return in.stackSegment ? Reg.SS : in.seg;
    }

    /**
     * Linear address of the memory operand after the segment checks for an access of {@code bytes} bytes. In 64-bit mode only
     * FS and GS have bases, and canonicality is the memory port's to check.
     */
    public static long linear(Cpu c, Insn in, int bytes, boolean write) {
        long offset = offset(c, in);
        return linearAt(c, in, in.seg, offset, bytes, write);
    }

    /** Linear address of {@code seg:offset}, as {@link #linear} for an operand that is not the r/m operand. */
    public static long linearAt(Cpu c, Insn in, int seg, long offset, int bytes, boolean write) {
        if (in.codeSize == 64) {
            return c.base[seg] + offset;
        }
        return Segmentation.linear(c, seg, offset, bytes, write);
    }

    /** Value of the r/m operand, zero-extended. */
    public static long rm(Cpu c, Insn in, int bits) {
        if (!in.memory) {
            return reg(c, in, in.rm, bits);
        }
        return c.mem.load(bits, linear(c, in, bits >> 3, false), faultSegment(in));
    }

    public static void setRm(Cpu c, Insn in, int bits, long value) {
        if (!in.memory) {
            setReg(c, in, in.rm, bits, value);
        } else {
            c.mem.store(bits, linear(c, in, bits >> 3, true), faultSegment(in), value);
        }
    }

    /** Sign-extends the low {@code bits} of {@code value}. */
    public static long signExtend(long value, int bits) {
        int shift = 64 - bits;
        return value << shift >> shift;
    }

    public static long zeroExtend(long value, int bits) {
        int shift = 64 - bits;
        return value << shift >>> shift;
    }
}
