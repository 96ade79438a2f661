package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.fp.Ieee;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Conversions between integers, singles and doubles: the CVT instructions of SSE and SSE2 (SDM Vol. 2). */
final class Conversions {
    private static final long LOW = 0xffffffffL;

    private Conversions() {}

    /** The handler, or null if the mnemonic is none of these. */
    static Handler bind(String mnemonic) {
        switch (mnemonic) {
            case "CVTPI2PS":
                return Conversions::cvtpi2ps;
            case "CVTPI2PD":
                return Conversions::cvtpi2pd;
            case "CVTPS2PI":
                return (c, in) -> singlesToMmx(c, in, false);
            case "CVTTPS2PI":
                return (c, in) -> singlesToMmx(c, in, true);
            case "CVTPD2PI":
                return (c, in) -> doublesToMmx(c, in, false);
            case "CVTTPD2PI":
                return (c, in) -> doublesToMmx(c, in, true);
            case "CVTSI2SS":
                return (c, in) -> fromGeneral(c, in, 32);
            case "CVTSI2SD":
                return (c, in) -> fromGeneral(c, in, 64);
            case "CVTSS2SI":
                return (c, in) -> toGeneral(c, in, 32, false);
            case "CVTTSS2SI":
                return (c, in) -> toGeneral(c, in, 32, true);
            case "CVTSD2SI":
                return (c, in) -> toGeneral(c, in, 64, false);
            case "CVTTSD2SI":
                return (c, in) -> toGeneral(c, in, 64, true);
            default:
                return vector(mnemonic);
        }
    }

    private static Handler vector(String mnemonic) {
        switch (mnemonic) {
            case "CVTPS2PD":
                return Conversions::cvtps2pd;
            case "CVTPD2PS":
                return Conversions::cvtpd2ps;
            case "CVTSS2SD":
                return Conversions::cvtss2sd;
            case "CVTSD2SS":
                return Conversions::cvtsd2ss;
            case "CVTDQ2PS":
                return Conversions::cvtdq2ps;
            case "CVTPS2DQ":
                return (c, in) -> singlesToIntegers(c, in, false);
            case "CVTTPS2DQ":
                return (c, in) -> singlesToIntegers(c, in, true);
            case "CVTDQ2PD":
                return Conversions::cvtdq2pd;
            case "CVTPD2DQ":
                return (c, in) -> doublesToIntegers(c, in, false);
            case "CVTTPD2DQ":
                return (c, in) -> doublesToIntegers(c, in, true);
            default:
                return null;
        }
    }

    private static long singles(FpUnit u, long integers) {
        long low = Ieee.fromInteger32(u, (int) integers);
        return low | Ieee.fromInteger32(u, (int) (integers >>> 32)) << 32;
    }

    private static long fromSingles(FpUnit u, long singles, boolean truncate) {
        long low = Ieee.toInteger32(u, singles & LOW, 32, truncate);
        return low & LOW | Ieee.toInteger32(u, singles >>> 32, 32, truncate) << 32;
    }

    private static long fromDoubles(FpUnit u, long low, long high, boolean truncate) {
        long first = Ieee.toInteger64(u, low, 32, truncate);
        return first & LOW | Ieee.toInteger64(u, high, 32, truncate) << 32;
    }

    private static void cvtpi2ps(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        SimdAccess.checkPending(c);
        long b = SimdAccess.mmxSource(c, in, 64);
        FpUnit u = SimdAccess.begin(c);
        long r = singles(u, b);
        SimdAccess.finish(c, u);
        SimdAccess.enterMmx(c);
        c.v[in.reg << 2] = r;
    }

    /** A memory source does not touch the MMX state. */
    private static void cvtpi2pd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        if (!in.memory) {
            SimdAccess.checkPending(c);
            SimdAccess.enterMmx(c);
        }
        long b = SimdAccess.mmxSource(c, in, 64);
        FpUnit u = SimdAccess.begin(c);
        c.v[in.reg << 2] = Ieee.fromInteger64(u, (int) b);
        c.v[(in.reg << 2) + 1] = Ieee.fromInteger64(u, (int) (b >>> 32));
    }

    private static void singlesToMmx(Cpu c, Insn in, boolean truncate) {
        SimdAccess.checkSse(c);
        SimdAccess.checkPending(c);
        long b = SimdAccess.sourceScalar(c, in, 64);
        FpUnit u = SimdAccess.begin(c);
        long r = fromSingles(u, b, truncate);
        SimdAccess.finish(c, u);
        SimdAccess.setMmx(c, in.reg & 7, r);
    }

    private static void doublesToMmx(Cpu c, Insn in, boolean truncate) {
        SimdAccess.checkSse(c);
        SimdAccess.checkPending(c);
        int s = SimdAccess.source128(c, in);
        FpUnit u = SimdAccess.begin(c);
        long r = fromDoubles(u, c.v[s], c.v[s + 1], truncate);
        SimdAccess.finish(c, u);
        SimdAccess.setMmx(c, in.reg & 7, r);
    }

    private static int generalBits(Insn in) {
        return in.size;
    }

    private static void fromGeneral(Cpu c, Insn in, int bits) {
        SimdAccess.checkSse(c);
        long value = Operands.signExtend(Operands.rm(c, in, generalBits(in)), generalBits(in));
        FpUnit u = SimdAccess.begin(c);
        long r = bits == 32 ? Ieee.fromInteger32(u, value) : Ieee.fromInteger64(u, value);
        SimdAccess.finish(c, u);
        int d = in.reg << 2;
        c.v[d] = FloatSimd.merge(c.v[d], r, bits);
    }

    private static void toGeneral(Cpu c, Insn in, int bits, boolean truncate) {
        VectorAccess.check(c, in);
        long b = SimdAccess.sourceScalar(c, in, bits);
        FpUnit u = SimdAccess.begin(c);
        int size = generalBits(in);
        long r = bits == 32 ? Ieee.toInteger32(u, b, size, truncate) : Ieee.toInteger64(u, b, size, truncate);
        SimdAccess.finish(c, u);
        Operands.setReg(c, in, in.reg, size, r);
    }

    private static void cvtps2pd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long b = SimdAccess.sourceScalar(c, in, 64);
        FpUnit u = SimdAccess.begin(c);
        long low = Ieee.widen(u, b & LOW);
        FloatSimd.store(c, u, in.reg << 2, low, Ieee.widen(u, b >>> 32));
    }

    private static void cvtpd2ps(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        FpUnit u = SimdAccess.begin(c);
        long low = Ieee.narrow(u, c.v[s]);
        FloatSimd.store(c, u, in.reg << 2, low | Ieee.narrow(u, c.v[s + 1]) << 32, 0);
    }

    private static void cvtss2sd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long b = SimdAccess.sourceScalar(c, in, 32);
        FpUnit u = SimdAccess.begin(c);
        long r = Ieee.widen(u, b & LOW);
        SimdAccess.finish(c, u);
        c.v[in.reg << 2] = r;
    }

    private static void cvtsd2ss(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long b = SimdAccess.sourceScalar(c, in, 64);
        FpUnit u = SimdAccess.begin(c);
        long r = Ieee.narrow(u, b);
        SimdAccess.finish(c, u);
        int d = in.reg << 2;
        c.v[d] = FloatSimd.merge(c.v[d], r, 32);
    }

    private static void cvtdq2ps(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        FpUnit u = SimdAccess.begin(c);
        long low = singles(u, c.v[s]);
        FloatSimd.store(c, u, in.reg << 2, low, singles(u, c.v[s + 1]));
    }

    private static void singlesToIntegers(Cpu c, Insn in, boolean truncate) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        FpUnit u = SimdAccess.begin(c);
        long low = fromSingles(u, c.v[s], truncate);
        FloatSimd.store(c, u, in.reg << 2, low, fromSingles(u, c.v[s + 1], truncate));
    }

    private static void cvtdq2pd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long b = SimdAccess.sourceScalar(c, in, 64);
        FpUnit u = SimdAccess.begin(c);
        long low = Ieee.fromInteger64(u, (int) b);
        FloatSimd.store(c, u, in.reg << 2, low, Ieee.fromInteger64(u, (int) (b >>> 32)));
    }

    private static void doublesToIntegers(Cpu c, Insn in, boolean truncate) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        FpUnit u = SimdAccess.begin(c);
        long low = fromDoubles(u, c.v[s], c.v[s + 1], truncate);
        FloatSimd.store(c, u, in.reg << 2, low, 0);
    }
}
