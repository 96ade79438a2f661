package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.fp.HalfPrecision;
import nestbox.x86.fp.Ieee;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** The CVT instructions in VEX encodings, those of F16C included (SDM Vol. 2). */
final class VexConversions {
    private static final long LOW = 0xffffffffL;

    /** Converts one element. */
    @FunctionalInterface
    private interface Converter {
        long apply(FpUnit u, long value);
    }

    private VexConversions() {}

    /** The handler, or null; {@code base} is the mnemonic without V. */
    static Handler bind(Insn form, String base) {
        switch (base) {
            case "CVTSI2SS":
                return (c, in) -> fromGeneral(c, in, 32);
            case "CVTSI2SD":
                return (c, in) -> fromGeneral(c, in, 64);
            case "CVTSS2SD":
                return (c, in) -> scalar(c, in, 32, 64);
            case "CVTSD2SS":
                return (c, in) -> scalar(c, in, 64, 32);
            case "CVTDQ2PS":
                return packed(32, 32, (u, x) -> Ieee.fromInteger32(u, (int) x));
            case "CVTPS2DQ":
                return packed(32, 32, (u, x) -> Ieee.toInteger32(u, x, 32, false));
            case "CVTTPS2DQ":
                return packed(32, 32, (u, x) -> Ieee.toInteger32(u, x, 32, true));
            case "CVTPS2PD":
                return packed(32, 64, Ieee::widen);
            case "CVTDQ2PD":
                return packed(32, 64, (u, x) -> Ieee.fromInteger64(u, (int) x));
            case "CVTPD2PS":
                return packed(64, 32, Ieee::narrow);
            case "CVTPD2DQ":
                return packed(64, 32, (u, x) -> Ieee.toInteger64(u, x, 32, false));
            case "CVTTPD2DQ":
                return packed(64, 32, (u, x) -> Ieee.toInteger64(u, x, 32, true));
            case "CVTPH2PS":
                return packed(16, 32, HalfPrecision::widen);
            case "CVTPS2PH":
                int control = (int) form.imm;
                return (c, in) -> toHalf(c, in, control);
            default:
                return null;
        }
    }

    private static Handler packed(int from, int to, Converter op) {
        return (c, in) -> packed(c, in, from, to, op);
    }

    /** Bytes of the source where the wider of the two sides fills the vector. */
    private static int sourceBytes(Insn in, int from, int to) {
        return from >= to ? VectorAccess.bytes(in) : VectorAccess.bytes(in) * from / to;
    }

    /** Elements {@code at} and following of the source as one lane of the result. */
    private static long lane(FpUnit u, long[] v, int s, int n, int from, int to, int limit, Converter op) {
        long r = 0;
        int elements = 64 / to;
        for (int j = 0; j < elements; j++) {
            int at = (n * elements + j) * from;
            if (at < limit) {
                long value = op.apply(u, Operands.zeroExtend(v[s + (at >> 6)] >>> at, from));
                r |= Operands.zeroExtend(value, to) << j * to;
            }
        }
        return r;
    }

    private static void packed(Cpu c, Insn in, int from, int to, Converter op) {
        VectorAccess.checkAvx(c);
        int bytes = sourceBytes(in, from, to);
        int s = VectorAccess.source(c, in, bytes);
        int limit = 8 * bytes;
        int d = in.reg << 2;
        long[] v = c.v;
        FpUnit u = SimdAccess.begin(c);
        long first = lane(u, v, s, 0, from, to, limit, op);
        long second = lane(u, v, s, 1, from, to, limit, op);
        long third = lane(u, v, s, 2, from, to, limit, op);
        long fourth = lane(u, v, s, 3, from, to, limit, op);
        SimdAccess.finish(c, u);
        boolean full = in.vexLength == 256 && from <= to;
        Halves.set(v, d, first, second);
        Halves.set(v, d + 2, full ? third : 0, full ? fourth : 0);
    }

    /** VCVTPS2PH: the destination is the r/m operand. */
    private static void toHalf(Cpu c, Insn in, int control) {
        VectorAccess.checkAvx(c);
        int s = in.reg << 2;
        int limit = 8 * VectorAccess.bytes(in);
        if (in.memory) {
            int stored = limit >> 4;
            c.mem.probeWrite(Operands.linear(c, in, stored, true), stored, Operands.faultSegment(in));
        }
        FpUnit u = SimdAccess.begin(c);
        long low = halves(u, c.v, s, 0, limit, control);
        long high = halves(u, c.v, s, 4, limit, control);
        SimdAccess.finish(c, u);
        if (!in.memory) {
            Halves.set(c.v, in.rm << 2, low, high);
            Halves.set(c.v, (in.rm << 2) + 2, 0, 0);
            return;
        }
        Halves.set(c.v, SimdAccess.MEMORY, low, high);
        if (in.vexLength == 256) {
            VectorAccess.store(c, in, 16, false, SimdAccess.MEMORY);
        } else {
            c.mem.store64(Operands.linear(c, in, 8, true), Operands.faultSegment(in), low);
        }
    }

    private static long halves(FpUnit u, long[] v, int s, int from, int limit, int control) {
        long r = 0;
        for (int j = 0; j < 4 && (from + j) * 32 < limit; j++) {
            int at = (from + j) * 32;
            r |= HalfPrecision.narrow(u, v[s + (at >> 6)] >>> at & LOW, control) << 16 * j;
        }
        return r;
    }

    private static void fromGeneral(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        int size = in.size;
        long value = Operands.signExtend(Operands.rm(c, in, size), size);
        FpUnit u = SimdAccess.begin(c);
        long r = bits == 32 ? Ieee.fromInteger32(u, value) : Ieee.fromInteger64(u, value);
        SimdAccess.finish(c, u);
        VectorFloat.insert(c, in, in.vvvv << 2, r, bits);
    }

    private static void scalar(Cpu c, Insn in, int from, int to) {
        VectorAccess.checkAvx(c);
        long b = SimdAccess.sourceScalar(c, in, from);
        FpUnit u = SimdAccess.begin(c);
        long r = to == 64 ? Ieee.widen(u, b & LOW) : Ieee.narrow(u, b);
        SimdAccess.finish(c, u);
        VectorFloat.insert(c, in, in.vvvv << 2, r, to);
    }
}
