package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/**
 * VMASKMOVPS, VPMASKMOVD and their kin: elements whose mask has no sign bit are neither read nor written and cannot fault (SDM
 * Vol. 2, "VMASKMOV"). VEX.vvvv is the mask.
 */
final class MaskedMoves {
    private MaskedMoves() {}

    /** The handler, or null; {@code base} is the mnemonic without V. */
    static Handler bind(Insn form, String base) {
        boolean store = form.form.rmFirst();
        switch (base) {
            case "MASKMOVPS":
            case "PMASKMOVD":
                return store ? (c, in) -> store(c, in, 32) : (c, in) -> load(c, in, 32);
            case "MASKMOVPD":
            case "PMASKMOVQ":
                return store ? (c, in) -> store(c, in, 64) : (c, in) -> load(c, in, 64);
            case "MASKMOVDQU":
                return (c, in) -> {
                    VectorAccess.checkAvx(c);
                    SimdMoves.storeMasked(c, in);
                };
            default:
                return null;
        }
    }

    private static boolean chosen(long[] v, int mask, int bits, int n) {
        int bit = n * bits + bits - 1;
        return (v[mask + (bit >> 6)] >>> bit & 1) != 0;
    }

    /** Linear address of element {@code n}: segment limits count for chosen elements only. */
    private static long linear(Cpu c, Insn in, int n, int step, boolean write) {
        return Operands.linearAt(c, in, in.seg, Operands.offset(c, in) + n * step, step, write);
    }

    private static void load(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        long[] v = c.v;
        int mask = in.vvvv << 2;
        int step = bits >> 3;
        int bytes = VectorAccess.bytes(in);
        int m = SimdAccess.MEMORY;
        Halves.set(v, m, 0, 0);
        Halves.set(v, m + 2, 0, 0);
        for (int n = 0; n * step < bytes; n++) {
            if (chosen(v, mask, bits, n)) {
                long value = c.mem.load(bits, linear(c, in, n, step, false), Operands.faultSegment(in));
                v[m + (n * bits >> 6)] |= value << n * bits;
            }
        }
        System.arraycopy(v, m, v, in.reg << 2, 4);
    }

    private static void store(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        long[] v = c.v;
        int mask = in.vvvv << 2;
        int step = bits >> 3;
        int bytes = VectorAccess.bytes(in);
        int seg = Operands.faultSegment(in);
        for (int n = 0; n * step < bytes; n++) {
            if (chosen(v, mask, bits, n)) {
                c.mem.probeWrite(linear(c, in, n, step, true), step, seg);
            }
        }
        int s = in.reg << 2;
        for (int n = 0; n * step < bytes; n++) {
            if (chosen(v, mask, bits, n)) {
                c.mem.store(bits, linear(c, in, n, step, true), seg, v[s + (n * bits >> 6)] >>> n * bits);
            }
        }
    }
}
