package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/**
 * AVX2's gathers (SDM Vol. 2, "VGATHERDPS" and its kin). Elements are loaded from the lowest up; each that is done has its mask
 * cleared, so that an instruction that a fault interrupts goes on where it stopped.
 */
final class Gathers {
    private Gathers() {}

    /** The handler, or null; {@code base} is the mnemonic without V. */
    static Handler bind(Insn form, String base) {
        int at = base.startsWith("PGATHER") ? 7 : base.startsWith("GATHER") ? 6 : 0;
        if (at == 0) {
            return null;
        }
        int index = base.charAt(at) == 'D' ? 32 : 64;
        char last = base.charAt(base.length() - 1);
        boolean wide = last == 'Q' || base.endsWith("PD");
        int bits = wide ? 64 : 32;
        return (c, in) -> gather(c, in, index, bits);
    }

    private static void gather(Cpu c, Insn in, int indexBits, int bits) {
        int indices = indexRegister(in);
        if (in.addressSize == 16 || indices == in.reg || indices == in.vvvv || in.reg == in.vvvv) {
            throw c.raise(Vector.UD);
        }
        VectorAccess.checkAvx(c);
        long[] v = c.v;
        int d = in.reg << 2;
        int mask = in.vvvv << 2;
        int count = (VectorAccess.bytes(in) << 3) / Math.max(indexBits, bits);
        spreadMask(v, mask, bits, count);
        for (int n = 0; n < count; n++) {
            int bit = n * bits;
            if (v[mask + (bit >> 6)] << 63 - (bit + bits - 1 & 63) < 0) {
                long value = element(c, in, indices << 2, n, indexBits, bits);
                long ones = Operands.zeroExtend(-1, bits) << bit;
                v[d + (bit >> 6)] = Sse4Lanes.select(v[d + (bit >> 6)], value << bit, ones);
                v[mask + (bit >> 6)] &= ~ones;
            }
        }
        clearAbove(v, d, count * bits);
        clearAbove(v, mask, 0);
    }

    /** The index register; a SIB byte that names no general index names vector register 4. */
    private static int indexRegister(Insn in) {
        return in.index == Reg.ZERO ? 4 : in.index;
    }

    /** Makes each element of the mask all ones or zeros before anything is loaded. */
    private static void spreadMask(long[] v, int mask, int bits, int count) {
        for (int n = 0; n < count; n++) {
            int bit = n * bits;
            long ones = Operands.zeroExtend(-1, bits) << bit;
            boolean set = v[mask + (bit >> 6)] << 63 - (bit + bits - 1 & 63) < 0;
            v[mask + (bit >> 6)] = Sse4Lanes.select(v[mask + (bit >> 6)], set ? -1 : 0, ones);
        }
        clearAbove(v, mask, count * bits);
    }

    private static void clearAbove(long[] v, int at, int bits) {
        for (int bit = bits; bit < 256; bit = (bit & -64) + 64) {
            v[at + (bit >> 6)] &= (1L << (bit & 63)) - 1;
        }
    }

    private static long element(Cpu c, Insn in, int indices, int n, int indexBits, int bits) {
        int at = n * indexBits;
        long index = Operands.signExtend(c.v[indices + (at >> 6)] >>> at, indexBits);
        long offset = c.r[in.base] + (index << in.scale) + in.disp;
        if (in.addressSize == 32) {
            offset &= 0xffffffffL;
        }
        return c.mem.load(bits, Operands.linearAt(c, in, in.seg, offset, bits >> 3, false), Operands.faultSegment(in));
    }
}
