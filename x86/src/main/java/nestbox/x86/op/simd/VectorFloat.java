package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.fp.Ieee;
import nestbox.x86.fp.Rounding;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * Floating-point arithmetic of SSE3 and SSE4.1, and that of SSE and SSE2 in VEX encodings (SDM Vol. 2). As in
 * {@link FloatSimd}, exceptions of all elements are raised together before the destination changes.
 */
final class VectorFloat {
    private static final long LOW = 0xffffffffL;

    /** Computes lane {@code n} = 0 or 1 of a 128-bit half from the halves at lanes {@code a} and {@code b}. */
    @FunctionalInterface
    interface FloatLane {
        long apply(FpUnit u, long[] v, int a, int b, int n);
    }

    private VectorFloat() {}

    /** The handler, or null; {@code base} is the mnemonic without VEX's V. */
    static Handler bind(Insn in, String base) {
        FloatLane lane = lane(in, base);
        if (lane != null) {
            return (c, i) -> packed(c, i, lane);
        }
        boolean single = base.endsWith("SS");
        if (!single && !base.endsWith("SD")) {
            return null;
        }
        FloatSimd.Element op = element(in, base.substring(0, base.length() - 2), single);
        int bits = single ? 32 : 64;
        return op == null ? null : (c, i) -> scalar(c, i, op, bits);
    }

    private static FloatSimd.Element element(Insn in, String stem, boolean single) {
        int imm = (int) in.imm & 0xff;
        switch (stem) {
            case "ROUND":
                return single ? (u, a, b) -> Rounding.single(u, b, imm) : (u, a, b) -> Rounding.real(u, b, imm);
            case "CMP":
                int p = in.vexLength == 0 ? imm & 7 : imm & 31;
                return single
                        ? (u, a, b) -> Ieee.cmp32(u, a, b, p) ? LOW : 0
                        : (u, a, b) -> Ieee.cmp64(u, a, b, p) ? -1 : 0;
            default:
                return single ? FloatSimd.single(stem) : FloatSimd.real(stem);
        }
    }

    private static FloatLane lane(Insn in, String base) {
        boolean single = base.endsWith("PS");
        if (!single && !base.endsWith("PD")) {
            return null;
        }
        String stem = base.substring(0, base.length() - 2);
        FloatSimd.Element op = element(in, stem, single);
        if (op != null) {
            return single
                    ? (u, v, a, b, n) -> FloatSimd.pair(u, op, v[a + n], v[b + n])
                    : (u, v, a, b, n) -> op.apply(u, v[a + n], v[b + n]);
        }
        int imm = (int) in.imm & 0xff;
        switch (stem) {
            case "HADD":
                return horizontal(single ? Ieee::add32 : Ieee::add64, single);
            case "HSUB":
                return horizontal(single ? Ieee::sub32 : Ieee::sub64, single);
            case "ADDSUB":
                return single ? VectorFloat::addsub32 : VectorFloat::addsub64;
            case "DP":
                return single
                        ? (u, v, a, b, n) -> dot32(u, v, a, b, imm) & places(imm >>> 2 * n)
                        : (u, v, a, b, n) -> dot64(u, v, a, b, imm) & -(imm >>> n & 1L);
            default:
                return null;
        }
    }

    private static FloatLane horizontal(FloatSimd.Element op, boolean single) {
        if (!single) {
            return (u, v, a, b, n) -> n == 0 ? op.apply(u, v[a], v[a + 1]) : op.apply(u, v[b], v[b + 1]);
        }
        return (u, v, a, b, n) -> {
            int s = n == 0 ? a : b;
            long low = op.apply(u, v[s] & LOW, v[s] >>> 32) & LOW;
            return low | op.apply(u, v[s + 1] & LOW, v[s + 1] >>> 32) << 32;
        };
    }

    private static long addsub32(FpUnit u, long[] v, int a, int b, int n) {
        long low = Ieee.sub32(u, v[a + n] & LOW, v[b + n] & LOW) & LOW;
        return low | Ieee.add32(u, v[a + n] >>> 32, v[b + n] >>> 32) << 32;
    }

    private static long addsub64(FpUnit u, long[] v, int a, int b, int n) {
        return n == 0 ? Ieee.sub64(u, v[a], v[b]) : Ieee.add64(u, v[a + 1], v[b + 1]);
    }

    private static long places(int bits) {
        return -(bits & 1L) & LOW | -(bits >>> 1 & 1L) << 32;
    }

    private static long product32(FpUnit u, long[] v, int a, int b, int imm, int n) {
        int shift = 32 * (n & 1);
        int at = n >> 1;
        return (imm >>> 4 + n & 1) == 0 ? 0 : Ieee.mul32(u, v[a + at] >>> shift & LOW, v[b + at] >>> shift & LOW) & LOW;
    }

    private static long dot32(FpUnit u, long[] v, int a, int b, int imm) {
        long low = Ieee.add32(u, product32(u, v, a, b, imm, 0), product32(u, v, a, b, imm, 1));
        long high = Ieee.add32(u, product32(u, v, a, b, imm, 2), product32(u, v, a, b, imm, 3));
        return (Ieee.add32(u, low & LOW, high & LOW) & LOW) * 0x100000001L;
    }

    private static long dot64(FpUnit u, long[] v, int a, int b, int imm) {
        long low = (imm & 0x10) != 0 ? Ieee.mul64(u, v[a], v[b]) : 0;
        long high = (imm & 0x20) != 0 ? Ieee.mul64(u, v[a + 1], v[b + 1]) : 0;
        return Ieee.add64(u, low, high);
    }

    static void packed(Cpu c, Insn in, FloatLane op) {
        VectorAccess.check(c, in);
        int b = VectorAccess.source(c, in);
        int a = VectorAccess.first(in);
        int d = in.reg << 2;
        long[] v = c.v;
        FpUnit u = SimdAccess.begin(c);
        long first = op.apply(u, v, a, b, 0);
        long second = op.apply(u, v, a, b, 1);
        if (in.vexLength == 256) {
            long third = op.apply(u, v, a + 2, b + 2, 0);
            long fourth = op.apply(u, v, a + 2, b + 2, 1);
            SimdAccess.finish(c, u);
            Halves.set(v, d + 2, third, fourth);
        } else {
            SimdAccess.finish(c, u);
            VectorAccess.close(c, in, d);
        }
        Halves.set(v, d, first, second);
    }

    /** The low element by {@code op}; what is above in 128 bits comes from the first source. */
    static void scalar(Cpu c, Insn in, FloatSimd.Element op, int bits) {
        VectorAccess.check(c, in);
        long b = SimdAccess.sourceScalar(c, in, bits);
        int a = VectorAccess.first(in);
        FpUnit u = SimdAccess.begin(c);
        long r = op.apply(u, c.v[a], b);
        SimdAccess.finish(c, u);
        insert(c, in, a, r, bits);
    }

    /** Writes a scalar result beside the upper part of the register at lane {@code a}. */
    static void insert(Cpu c, Insn in, int a, long value, int bits) {
        int d = in.reg << 2;
        c.v[d] = FloatSimd.merge(c.v[a], value, bits);
        c.v[d + 1] = c.v[a + 1];
        VectorAccess.closeScalar(c, in, d);
    }
}
