package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.fp.Ieee;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * SSE and SSE2 arithmetic, comparison and shuffles of singles and doubles (SDM Vol. 2). Exceptions of all elements are gathered
 * and raised together before the destination changes.
 */
final class FloatSimd {
    private static final long LOW = 0xffffffffL;

    /** An operation on one element in the low bits of each operand; unary ones ignore {@code a}. */
    @FunctionalInterface
    interface Element {
        long apply(FpUnit u, long a, long b);
    }

    private FloatSimd() {}

    /** The handler, or null if the mnemonic is none of these. */
    static Handler bind(Insn in, String mnemonic) {
        int length = mnemonic.length();
        if (length > 4) {
            String suffix = mnemonic.substring(length - 2);
            String stem = mnemonic.substring(0, length - 2);
            boolean single = suffix.equals("PS") || suffix.equals("SS");
            if (single || suffix.equals("PD") || suffix.equals("SD")) {
                Element op = single ? single(stem) : real(stem);
                if (op != null) {
                    return suffix.charAt(0) == 'P' ? packed(op, single) : scalar(op, single ? 32 : 64);
                }
                return others(in, mnemonic);
            }
        }
        return null;
    }

    static Element single(String stem) {
        switch (stem) {
            case "ADD":
                return Ieee::add32;
            case "SUB":
                return Ieee::sub32;
            case "MUL":
                return Ieee::mul32;
            case "DIV":
                return Ieee::div32;
            case "MIN":
                return Ieee::min32;
            case "MAX":
                return Ieee::max32;
            case "SQRT":
                return (u, a, b) -> Ieee.sqrt32(u, b);
            case "RCP":
                return (u, a, b) -> Approximation.reciprocal(b);
            case "RSQRT":
                return (u, a, b) -> Approximation.reciprocalRoot(b);
            default:
                return null;
        }
    }

    static Element real(String stem) {
        switch (stem) {
            case "ADD":
                return Ieee::add64;
            case "SUB":
                return Ieee::sub64;
            case "MUL":
                return Ieee::mul64;
            case "DIV":
                return Ieee::div64;
            case "MIN":
                return Ieee::min64;
            case "MAX":
                return Ieee::max64;
            case "SQRT":
                return (u, a, b) -> Ieee.sqrt64(u, b);
            default:
                return null;
        }
    }

    /** {@code value}'s low {@code bits} into {@code old}. */
    static long merge(long old, long value, int bits) {
        return bits == 64 ? value : old & ~LOW | value & LOW;
    }

    /** Both singles of a lane. */
    static long pair(FpUnit u, Element op, long a, long b) {
        long low = op.apply(u, a & LOW, b & LOW);
        return low & LOW | op.apply(u, a >>> 32, b >>> 32) << 32;
    }

    private static Handler packed(Element op, boolean single) {
        if (!single) {
            return (c, in) -> {
                SimdAccess.checkSse(c);
                int s = SimdAccess.source128(c, in);
                int d = in.reg << 2;
                FpUnit u = SimdAccess.begin(c);
                long low = op.apply(u, c.v[d], c.v[s]);
                long high = op.apply(u, c.v[d + 1], c.v[s + 1]);
                store(c, u, d, low, high);
            };
        }
        return (c, in) -> {
            SimdAccess.checkSse(c);
            int s = SimdAccess.source128(c, in);
            int d = in.reg << 2;
            FpUnit u = SimdAccess.begin(c);
            long low = pair(u, op, c.v[d], c.v[s]);
            long high = pair(u, op, c.v[d + 1], c.v[s + 1]);
            store(c, u, d, low, high);
        };
    }

    static void store(Cpu c, FpUnit u, int d, long low, long high) {
        SimdAccess.finish(c, u);
        c.v[d] = low;
        c.v[d + 1] = high;
    }

    private static Handler scalar(Element op, int bits) {
        return (c, in) -> {
            SimdAccess.checkSse(c);
            long b = SimdAccess.sourceScalar(c, in, bits);
            int d = in.reg << 2;
            FpUnit u = SimdAccess.begin(c);
            long r = op.apply(u, c.v[d], b);
            SimdAccess.finish(c, u);
            c.v[d] = merge(c.v[d], r, bits);
        };
    }

    private static Handler others(Insn in, String mnemonic) {
        int predicate = (int) in.imm & 7;
        switch (mnemonic) {
            case "CMPPS":
                return packed((u, a, b) -> Ieee.cmp32(u, a, b, predicate) ? LOW : 0, true);
            case "CMPPD":
                return packed((u, a, b) -> Ieee.cmp64(u, a, b, predicate) ? -1 : 0, false);
            case "CMPSS":
                return scalar((u, a, b) -> Ieee.cmp32(u, a, b, predicate) ? LOW : 0, 32);
            case "CMPSD":
                return scalar((u, a, b) -> Ieee.cmp64(u, a, b, predicate) ? -1 : 0, 64);
            case "COMISS":
                return (c, i) -> comi(c, i, 32, true);
            case "COMISD":
                return (c, i) -> comi(c, i, 64, true);
            case "UCOMISS":
                return (c, i) -> comi(c, i, 32, false);
            case "UCOMISD":
                return (c, i) -> comi(c, i, 64, false);
            case "SHUFPS":
                return FloatSimd::shufps;
            case "SHUFPD":
                return FloatSimd::shufpd;
            default:
                return null;
        }
    }

    static void comi(Cpu c, Insn in, int bits, boolean signalling) {
        VectorAccess.check(c, in);
        long b = SimdAccess.sourceScalar(c, in, bits);
        long a = c.v[in.reg << 2];
        FpUnit u = SimdAccess.begin(c);
        int order = bits == 32 ? Ieee.compare32(u, a, b, signalling) : Ieee.compare64(u, a, b, signalling);
        SimdAccess.finish(c, u);
        int flags;
        switch (order) {
            case -1:
                flags = Flags.CF;
                break;
            case 0:
                flags = Flags.ZF;
                break;
            case 1:
                flags = 0;
                break;
            default:
                flags = Flags.CF | Flags.PF | Flags.ZF;
                break;
        }
        Flags.setArithmetic(c, flags);
    }

    private static void shufps(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        int d = in.reg << 2;
        int order = (int) in.imm;
        long[] v = c.v;
        long high = Lanes.doubleword(v[s], v[s + 1], order >>> 4) | Lanes.doubleword(v[s], v[s + 1], order >>> 6) << 32;
        v[d] = Lanes.doubleword(v[d], v[d + 1], order) | Lanes.doubleword(v[d], v[d + 1], order >>> 2) << 32;
        v[d + 1] = high;
    }

    private static void shufpd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        int d = in.reg << 2;
        long high = c.v[s + ((int) in.imm >>> 1 & 1)];
        c.v[d] = c.v[d + ((int) in.imm & 1)];
        c.v[d + 1] = high;
    }
}
