package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.fp.Fused;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * The FMA instructions (SDM Vol. 2, "VFMADD132PD" and its kin). The digits of the mnemonic name the operands: the first two are
 * multiplied, the third is added; 1 is the destination, 2 VEX.vvvv, 3 the r/m operand.
 */
final class Fma {
    private static final long LOW = 0xffffffffL;

    private Fma() {}

    /** The handler, or null; {@code base} is the mnemonic without V. */
    static Handler bind(String base) {
        if (!base.startsWith("FM") && !base.startsWith("FNM")) {
            return null;
        }
        int digits = base.length() - 5;
        String family = base.substring(0, digits);
        int order = Integer.parseInt(base.substring(digits, digits + 3));
        boolean single = base.endsWith("S");
        int even = kind(family, true);
        int odd = kind(family, false);
        if (base.charAt(digits + 3) == 'S') {
            return (c, in) -> scalar(c, in, order, even, single);
        }
        return (c, in) -> packed(c, in, order, even, odd, single);
    }

    /** Signs for the elements of even or odd numbers. */
    private static int kind(String family, boolean even) {
        switch (family) {
            case "FMADD":
                return 0;
            case "FMSUB":
                return Fused.SUBTRACT;
            case "FNMADD":
                return Fused.NEGATE_PRODUCT;
            case "FNMSUB":
                return Fused.NEGATE_PRODUCT | Fused.SUBTRACT;
            case "FMADDSUB":
                return even ? Fused.SUBTRACT : 0;
            default:
                return even ? 0 : Fused.SUBTRACT;
        }
    }

    private static long compute(FpUnit u, long one, long two, long three, int order, int kind, boolean single) {
        long a = order == 132 ? one : two;
        long b = order == 213 ? one : three;
        long c = order == 213 ? three : order == 231 ? one : two;
        return single ? Fused.single(u, a, b, c, kind) : Fused.real(u, a, b, c, kind);
    }

    private static long lane(
            FpUnit u, long one, long two, long three, int order, int even, int odd, boolean single, int n) {
        if (!single) {
            return compute(u, one, two, three, order, (n & 1) == 0 ? even : odd, false);
        }
        long low = compute(u, one & LOW, two & LOW, three & LOW, order, even, true);
        return low | compute(u, one >>> 32, two >>> 32, three >>> 32, order, odd, true) << 32;
    }

    private static void packed(Cpu c, Insn in, int order, int even, int odd, boolean single) {
        VectorAccess.checkAvx(c);
        int s = VectorAccess.source(c, in);
        int a = in.vvvv << 2;
        int d = in.reg << 2;
        long[] v = c.v;
        FpUnit u = SimdAccess.begin(c);
        long first = lane(u, v[d], v[a], v[s], order, even, odd, single, 0);
        long second = lane(u, v[d + 1], v[a + 1], v[s + 1], order, even, odd, single, 1);
        long third = 0;
        long fourth = 0;
        if (in.vexLength == 256) {
            third = lane(u, v[d + 2], v[a + 2], v[s + 2], order, even, odd, single, 0);
            fourth = lane(u, v[d + 3], v[a + 3], v[s + 3], order, even, odd, single, 1);
        }
        SimdAccess.finish(c, u);
        Halves.set(v, d, first, second);
        Halves.set(v, d + 2, third, fourth);
    }

    private static void scalar(Cpu c, Insn in, int order, int kind, boolean single) {
        VectorAccess.checkAvx(c);
        long three = SimdAccess.sourceScalar(c, in, single ? 32 : 64);
        int d = in.reg << 2;
        long two = c.v[in.vvvv << 2];
        FpUnit u = SimdAccess.begin(c);
        long r = compute(u, c.v[d], two, three, order, kind, single);
        SimdAccess.finish(c, u);
        VectorFloat.insert(c, in, d, r, single ? 32 : 64);
    }
}
