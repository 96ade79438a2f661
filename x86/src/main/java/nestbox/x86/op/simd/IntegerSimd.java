package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Packed integer instructions of MMX, SSE and SSE2 (SDM Vol. 2), composed from {@link Lanes} by how operands pair up. */
final class IntegerSimd {
    /** An operation on one 64-bit lane. */
    @FunctionalInterface
    interface Lane {
        long apply(long a, long b);
    }

    private IntegerSimd() {}

    static boolean mmx(Insn in) {
        char kind =
                in.form.operands().isEmpty() ? ' ' : in.form.operands().get(0).charAt(0);
        return kind == 'P' || kind == 'N' || kind == 'Q';
    }

    /** The handler, or null if the mnemonic is none of these. */
    static Handler bind(Insn in, String mnemonic) {
        Lane lane = lane(mnemonic);
        if (lane == null) {
            lane = logic(mnemonic);
        }
        if (lane != null) {
            return vertical(in, lane);
        }
        lane = shift(mnemonic);
        if (lane != null) {
            return shift(in, lane);
        }
        lane = narrowing(mnemonic);
        if (lane != null) {
            return narrowing(in, lane);
        }
        Handler handler = unpack(in, mnemonic);
        return handler != null ? handler : rest(in, mnemonic);
    }

    static Lane lane(String mnemonic) {
        switch (mnemonic) {
            case "PADDB":
                return Lanes::paddb;
            case "PADDW":
                return Lanes::paddw;
            case "PADDD":
                return Lanes::paddd;
            case "PADDQ":
                return Lanes::paddq;
            case "PADDSB":
                return Lanes::paddsb;
            case "PADDSW":
                return Lanes::paddsw;
            case "PADDUSB":
                return Lanes::paddusb;
            case "PADDUSW":
                return Lanes::paddusw;
            case "PSUBB":
                return Lanes::psubb;
            case "PSUBW":
                return Lanes::psubw;
            case "PSUBD":
                return Lanes::psubd;
            case "PSUBQ":
                return Lanes::psubq;
            case "PSUBSB":
                return Lanes::psubsb;
            case "PSUBSW":
                return Lanes::psubsw;
            case "PSUBUSB":
                return Lanes::psubusb;
            case "PSUBUSW":
                return Lanes::psubusw;
            case "PMULLW":
                return Lanes::pmullw;
            case "PMULHW":
                return Lanes::pmulhw;
            case "PMULHUW":
                return Lanes::pmulhuw;
            case "PMULUDQ":
                return Lanes::pmuludq;
            case "PMADDWD":
                return Lanes::pmaddwd;
            case "PAVGB":
                return Lanes::pavgb;
            case "PAVGW":
                return Lanes::pavgw;
            case "PMAXUB":
                return Lanes::pmaxub;
            case "PMINUB":
                return Lanes::pminub;
            case "PMAXSW":
                return Lanes::pmaxsw;
            case "PMINSW":
                return Lanes::pminsw;
            case "PSADBW":
                return Lanes::psadbw;
            case "PCMPEQB":
                return Lanes::pcmpeqb;
            case "PCMPEQW":
                return Lanes::pcmpeqw;
            case "PCMPEQD":
                return Lanes::pcmpeqd;
            case "PCMPGTB":
                return Lanes::pcmpgtb;
            case "PCMPGTW":
                return Lanes::pcmpgtw;
            case "PCMPGTD":
                return Lanes::pcmpgtd;
            default:
                return null;
        }
    }

    static Lane logic(String mnemonic) {
        switch (mnemonic) {
            case "PAND":
            case "ANDPS":
            case "ANDPD":
                return Lanes::and;
            case "PANDN":
            case "ANDNPS":
            case "ANDNPD":
                return Lanes::andNot;
            case "POR":
            case "ORPS":
            case "ORPD":
                return Lanes::or;
            case "PXOR":
            case "XORPS":
            case "XORPD":
                return Lanes::xor;
            default:
                return null;
        }
    }

    /** Shifts of all elements by one count. */
    static Lane shift(String mnemonic) {
        switch (mnemonic) {
            case "PSLLW":
                return Lanes::psllw;
            case "PSLLD":
                return Lanes::pslld;
            case "PSLLQ":
                return Lanes::psllq;
            case "PSRLW":
                return Lanes::psrlw;
            case "PSRLD":
                return Lanes::psrld;
            case "PSRLQ":
                return Lanes::psrlq;
            case "PSRAW":
                return Lanes::psraw;
            case "PSRAD":
                return Lanes::psrad;
            default:
                return null;
        }
    }

    /** Lane by lane. */
    static Handler vertical(Insn form, Lane op) {
        return vertical(form, op, 64);
    }

    /** @param mmxBits width of MMX's memory source */
    private static Handler vertical(Insn form, Lane op, int mmxBits) {
        if (mmx(form)) {
            return (c, in) -> {
                SimdAccess.checkMmx(c);
                long b = SimdAccess.mmxSource(c, in, mmxBits);
                SimdAccess.setMmx(c, in.reg & 7, op.apply(c.fpu.mant[in.reg & 7], b));
            };
        }
        return (c, in) -> {
            SimdAccess.checkSse(c);
            int s = SimdAccess.source128(c, in);
            int d = in.reg << 2;
            long[] v = c.v;
            long high = op.apply(v[d + 1], v[s + 1]);
            v[d] = op.apply(v[d], v[s]);
            v[d + 1] = high;
        };
    }

    /** All elements by one count: an immediate or the low 64 bits of the source. */
    private static Handler shift(Insn form, Lane op) {
        boolean immediate = form.form.operands().get(1).charAt(0) == 'I';
        if (mmx(form)) {
            return immediate
                    ? (c, in) -> {
                        SimdAccess.checkMmx(c);
                        SimdAccess.setMmx(c, in.rm & 7, op.apply(c.fpu.mant[in.rm & 7], in.imm & 0xff));
                    }
                    : vertical(form, op);
        }
        return immediate
                ? (c, in) -> {
                    SimdAccess.checkSse(c);
                    shift(c, in.rm << 2, op, in.imm & 0xff);
                }
                : (c, in) -> {
                    SimdAccess.checkSse(c);
                    shift(c, in.reg << 2, op, c.v[SimdAccess.source128(c, in)]);
                };
    }

    private static void shift(Cpu c, int d, Lane op, long count) {
        c.v[d] = op.apply(c.v[d], count);
        c.v[d + 1] = op.apply(c.v[d + 1], count);
    }

    /** Two lanes packed into one. */
    static Lane narrowing(String mnemonic) {
        switch (mnemonic) {
            case "PACKSSWB":
                return Lanes::packsswb;
            case "PACKUSWB":
                return Lanes::packuswb;
            case "PACKSSDW":
                return Lanes::packssdw;
            default:
                return null;
        }
    }

    private static Handler unpack(Insn in, String mnemonic) {
        switch (mnemonic) {
            case "PUNPCKLBW":
                return unpack(in, Lanes::punpcklbw, Lanes::punpckhbw, false);
            case "PUNPCKLWD":
                return unpack(in, Lanes::punpcklwd, Lanes::punpckhwd, false);
            case "PUNPCKLDQ":
            case "UNPCKLPS":
                return unpack(in, Lanes::punpckldq, Lanes::punpckhdq, false);
            case "PUNPCKLQDQ":
            case "UNPCKLPD":
                return unpack(in, (a, b) -> a, (a, b) -> b, false);
            case "PUNPCKHBW":
                return unpack(in, Lanes::punpcklbw, Lanes::punpckhbw, true);
            case "PUNPCKHWD":
                return unpack(in, Lanes::punpcklwd, Lanes::punpckhwd, true);
            case "PUNPCKHDQ":
            case "UNPCKHPS":
                return unpack(in, Lanes::punpckldq, Lanes::punpckhdq, true);
            case "PUNPCKHQDQ":
            case "UNPCKHPD":
                return unpack(in, (a, b) -> a, (a, b) -> b, true);
            default:
                return null;
        }
    }

    /** The destination's two lanes pack into its low one, the source's into the high one. */
    private static Handler narrowing(Insn form, Lane op) {
        if (mmx(form)) {
            return vertical(form, op);
        }
        return (c, in) -> {
            SimdAccess.checkSse(c);
            int s = SimdAccess.source128(c, in);
            int d = in.reg << 2;
            long[] v = c.v;
            long high = op.apply(v[s], v[s + 1]);
            v[d] = op.apply(v[d], v[d + 1]);
            v[d + 1] = high;
        };
    }

    /** Interleaves the low or high lanes of destination and source. */
    private static Handler unpack(Insn form, Lane low, Lane high, boolean upper) {
        if (mmx(form)) {
            return vertical(form, upper ? high : low, upper ? 64 : 32);
        }
        int half = upper ? 1 : 0;
        return (c, in) -> {
            SimdAccess.checkSse(c);
            int s = SimdAccess.source128(c, in);
            int d = in.reg << 2;
            long[] v = c.v;
            long a = v[d + half];
            long b = v[s + half];
            v[d] = low.apply(a, b);
            v[d + 1] = high.apply(a, b);
        };
    }

    private static Handler rest(Insn in, String mnemonic) {
        switch (mnemonic) {
            case "PSLLDQ":
                return (c, i) -> shiftBytes(c, i, true);
            case "PSRLDQ":
                return (c, i) -> shiftBytes(c, i, false);
            case "PSHUFW":
                return IntegerSimd::pshufw;
            case "PSHUFD":
                return IntegerSimd::pshufd;
            case "PSHUFLW":
                return (c, i) -> shuffleHalf(c, i, 0);
            case "PSHUFHW":
                return (c, i) -> shuffleHalf(c, i, 1);
            case "PINSRW":
                return mmx(in) ? IntegerSimd::pinsrwMmx : IntegerSimd::pinsrw;
            case "PEXTRW":
                return extract(in);
            case "PMOVMSKB":
                return in.form.operands().get(1).charAt(0) == 'N' ? IntegerSimd::pmovmskbMmx : IntegerSimd::pmovmskb;
            default:
                return null;
        }
    }

    /** PEXTRW's forms by its source; the one of SSE4.1, which stores, is not here. */
    private static Handler extract(Insn in) {
        switch (in.form.operands().get(1).charAt(0)) {
            case 'N':
                return IntegerSimd::pextrwMmx;
            case 'U':
                return IntegerSimd::pextrw;
            default:
                return null;
        }
    }

    private static void shiftBytes(Cpu c, Insn in, boolean left) {
        SimdAccess.checkSse(c);
        int d = in.rm << 2;
        int bits = (int) Math.min(in.imm & 0xff, 16) * 8;
        long low = c.v[d];
        long high = c.v[d + 1];
        if (left) {
            c.v[d + 1] = bits == 0 ? high : bits < 64 ? high << bits | low >>> 64 - bits : Lanes.psllq(low, bits - 64);
            c.v[d] = Lanes.psllq(low, bits);
        } else {
            c.v[d] = bits == 0 ? low : bits < 64 ? low >>> bits | high << 64 - bits : Lanes.psrlq(high, bits - 64);
            c.v[d + 1] = Lanes.psrlq(high, bits);
        }
    }

    private static void pshufw(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        long b = SimdAccess.mmxSource(c, in, 64);
        SimdAccess.setMmx(c, in.reg & 7, Lanes.shuffleWords(b, (int) in.imm));
    }

    private static void pshufd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        int d = in.reg << 2;
        int order = (int) in.imm;
        long low = c.v[s];
        long high = c.v[s + 1];
        c.v[d] = Lanes.doubleword(low, high, order) | Lanes.doubleword(low, high, order >>> 2) << 32;
        c.v[d + 1] = Lanes.doubleword(low, high, order >>> 4) | Lanes.doubleword(low, high, order >>> 6) << 32;
    }

    private static void shuffleHalf(Cpu c, Insn in, int half) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.source128(c, in);
        int d = in.reg << 2;
        long shuffled = Lanes.shuffleWords(c.v[s + half], (int) in.imm);
        c.v[d + 1 - half] = c.v[s + 1 - half];
        c.v[d + half] = shuffled;
    }

    private static long word(Cpu c, Insn in) {
        return in.memory
                ? c.mem.load16(Operands.linear(c, in, 2, false), Operands.faultSegment(in))
                : c.r[in.rm] & 0xffff;
    }

    private static long insert(long lane, long word, int n) {
        return lane & ~(0xffffL << 16 * n) | word << 16 * n;
    }

    private static void pinsrw(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long word = word(c, in);
        int n = (int) in.imm & 7;
        int d = (in.reg << 2) + (n >> 2);
        c.v[d] = insert(c.v[d], word, n & 3);
    }

    private static void pinsrwMmx(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        long word = word(c, in);
        int d = in.reg & 7;
        SimdAccess.setMmx(c, d, insert(c.fpu.mant[d], word, (int) in.imm & 3));
    }

    private static void pextrw(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int n = (int) in.imm & 7;
        c.r[in.reg] = c.v[(in.rm << 2) + (n >> 2)] >>> 16 * (n & 3) & 0xffff;
    }

    private static void pextrwMmx(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        SimdAccess.enterMmx(c);
        c.r[in.reg] = c.fpu.mant[in.rm & 7] >>> 16 * ((int) in.imm & 3) & 0xffff;
    }

    private static void pmovmskb(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = in.rm << 2;
        c.r[in.reg] = Lanes.pmovmskb(c.v[s]) | Lanes.pmovmskb(c.v[s + 1]) << 8;
    }

    private static void pmovmskbMmx(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        SimdAccess.enterMmx(c);
        c.r[in.reg] = Lanes.pmovmskb(c.fpu.mant[in.rm & 7]);
    }
}
