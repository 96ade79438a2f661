package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Moves among vector registers, MMX registers, general registers and memory (SDM Vol. 2). */
final class SimdMoves {
    private SimdMoves() {}

    /** The handler, or null if the mnemonic is none of these. */
    static Handler bind(Insn in, String mnemonic) {
        char first =
                in.form.operands().isEmpty() ? ' ' : in.form.operands().get(0).charAt(0);
        boolean store = "WMEQ".indexOf(first) >= 0;
        switch (mnemonic) {
            case "MOVAPS":
            case "MOVAPD":
            case "MOVDQA":
                return store ? (c, i) -> store(c, i, true) : (c, i) -> load(c, i, true);
            case "MOVUPS":
            case "MOVUPD":
            case "MOVDQU":
                return store ? (c, i) -> store(c, i, false) : (c, i) -> load(c, i, false);
            case "MOVNTPS":
            case "MOVNTPD":
            case "MOVNTDQ":
                return (c, i) -> store(c, i, true);
            case "MOVNTQ":
                return SimdMoves::storeMmx;
            case "MOVSS":
                return store ? (c, i) -> storeScalar(c, i, 32) : (c, i) -> loadScalar(c, i, 32);
            case "MOVSD":
                return store ? (c, i) -> storeScalar(c, i, 64) : (c, i) -> loadScalar(c, i, 64);
            case "MOVD":
                return general(in, store, 32);
            case "MOVQ":
                return movq(in, first, store);
            case "MOVQ2DQ":
                return SimdMoves::movq2dq;
            case "MOVDQ2Q":
                return SimdMoves::movdq2q;
            default:
                return halves(mnemonic, store);
        }
    }

    private static Handler halves(String mnemonic, boolean store) {
        switch (mnemonic) {
            case "MOVLPS":
            case "MOVLPD":
                return store ? (c, in) -> storeHalf(c, in, 0) : (c, in) -> loadHalf(c, in, 0);
            case "MOVHPS":
            case "MOVHPD":
                return store ? (c, in) -> storeHalf(c, in, 1) : (c, in) -> loadHalf(c, in, 1);
            case "MOVHLPS":
                return (c, in) -> moveHalf(c, in, 1, 0);
            case "MOVLHPS":
                return (c, in) -> moveHalf(c, in, 0, 1);
            case "MOVMSKPS":
                return SimdMoves::movmskps;
            case "MOVMSKPD":
                return SimdMoves::movmskpd;
            case "MASKMOVQ":
                return SimdMoves::maskmovq;
            case "MASKMOVDQU":
                return SimdMoves::maskmovdqu;
            default:
                return null;
        }
    }

    private static void load(Cpu c, Insn in, boolean aligned) {
        SimdAccess.checkSse(c);
        int s = in.memory ? SimdAccess.load128(c, in, aligned) : in.rm << 2;
        int d = in.reg << 2;
        c.v[d] = c.v[s];
        c.v[d + 1] = c.v[s + 1];
    }

    private static void store(Cpu c, Insn in, boolean aligned) {
        SimdAccess.checkSse(c);
        int s = in.reg << 2;
        if (in.memory) {
            SimdAccess.store128(c, in, aligned, c.v[s], c.v[s + 1]);
        } else {
            int d = in.rm << 2;
            c.v[d] = c.v[s];
            c.v[d + 1] = c.v[s + 1];
        }
    }

    /** MOVSS and MOVSD from memory clear what is above; between registers they keep it. */
    private static void loadScalar(Cpu c, Insn in, int bits) {
        SimdAccess.checkSse(c);
        long value = SimdAccess.sourceScalar(c, in, bits);
        int d = in.reg << 2;
        if (in.memory) {
            c.v[d] = value;
            c.v[d + 1] = 0;
        } else {
            c.v[d] = FloatSimd.merge(c.v[d], value, bits);
        }
    }

    private static void storeScalar(Cpu c, Insn in, int bits) {
        SimdAccess.checkSse(c);
        long value = c.v[in.reg << 2];
        if (in.memory) {
            c.mem.store(bits, Operands.linear(c, in, bits >> 3, true), Operands.faultSegment(in), value);
        } else {
            int d = in.rm << 2;
            c.v[d] = FloatSimd.merge(c.v[d], value, bits);
        }
    }

    /** MOVD and MOVQ between a general register or memory and an MMX or vector register. */
    private static Handler general(Insn form, boolean store, int bits) {
        boolean mmx = form.form.operands().get(store ? 1 : 0).charAt(0) == 'P';
        if (mmx) {
            return store
                    ? (c, in) -> {
                        SimdAccess.checkMmx(c);
                        Operands.setRm(c, in, bits, c.fpu.mant[in.reg & 7]);
                        SimdAccess.enterMmx(c);
                    }
                    : (c, in) -> {
                        SimdAccess.checkMmx(c);
                        SimdAccess.setMmx(c, in.reg & 7, Operands.rm(c, in, bits));
                    };
        }
        return store
                ? (c, in) -> {
                    SimdAccess.checkSse(c);
                    Operands.setRm(c, in, bits, c.v[in.reg << 2]);
                }
                : (c, in) -> {
                    SimdAccess.checkSse(c);
                    c.v[in.reg << 2] = Operands.rm(c, in, bits);
                    c.v[(in.reg << 2) + 1] = 0;
                };
    }

    private static Handler movq(Insn in, char first, boolean store) {
        char second = in.form.operands().get(1).charAt(0);
        if (first == 'E' || second == 'E') {
            return general(in, store, 64);
        }
        if (first == 'Q') {
            return SimdMoves::storeMmx;
        }
        if (first == 'P') {
            return (c, i) -> {
                SimdAccess.checkMmx(c);
                SimdAccess.setMmx(c, i.reg & 7, SimdAccess.mmxSource(c, i, 64));
            };
        }
        return store ? SimdMoves::storeQuadword : SimdMoves::loadQuadword;
    }

    private static void storeMmx(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        long value = c.fpu.mant[in.reg & 7];
        if (in.memory) {
            c.mem.store64(Operands.linear(c, in, 8, true), Operands.faultSegment(in), value);
            SimdAccess.enterMmx(c);
        } else {
            SimdAccess.setMmx(c, in.rm & 7, value);
        }
    }

    private static void loadQuadword(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int d = in.reg << 2;
        c.v[d] = SimdAccess.sourceScalar(c, in, 64);
        c.v[d + 1] = 0;
    }

    private static void storeQuadword(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long value = c.v[in.reg << 2];
        if (in.memory) {
            c.mem.store64(Operands.linear(c, in, 8, true), Operands.faultSegment(in), value);
        } else {
            c.v[in.rm << 2] = value;
            c.v[(in.rm << 2) + 1] = 0;
        }
    }

    private static void movq2dq(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        SimdAccess.checkPending(c);
        SimdAccess.enterMmx(c);
        c.v[in.reg << 2] = c.fpu.mant[in.rm & 7];
        c.v[(in.reg << 2) + 1] = 0;
    }

    private static void movdq2q(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        SimdAccess.checkPending(c);
        SimdAccess.setMmx(c, in.reg & 7, c.v[in.rm << 2]);
    }

    private static void loadHalf(Cpu c, Insn in, int half) {
        SimdAccess.checkSse(c);
        c.v[(in.reg << 2) + half] = c.mem.load64(Operands.linear(c, in, 8, false), Operands.faultSegment(in));
    }

    private static void storeHalf(Cpu c, Insn in, int half) {
        SimdAccess.checkSse(c);
        c.mem.store64(Operands.linear(c, in, 8, true), Operands.faultSegment(in), c.v[(in.reg << 2) + half]);
    }

    private static void moveHalf(Cpu c, Insn in, int from, int to) {
        SimdAccess.checkSse(c);
        c.v[(in.reg << 2) + to] = c.v[(in.rm << 2) + from];
    }

    private static void movmskps(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = in.rm << 2;
        c.r[in.reg] = c.v[s] >>> 31 & 1 | c.v[s] >>> 63 << 1 | (c.v[s + 1] >>> 31 & 1) << 2 | c.v[s + 1] >>> 63 << 3;
    }

    private static void movmskpd(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        int s = in.rm << 2;
        c.r[in.reg] = c.v[s] >>> 63 | c.v[s + 1] >>> 63 << 1;
    }

    private static void maskmovq(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        long linear = maskTarget(c, in, 8);
        storeBytes(c, in, linear, c.fpu.mant[in.reg & 7], Lanes.pmovmskb(c.fpu.mant[in.rm & 7]));
        SimdAccess.enterMmx(c);
    }

    private static void maskmovdqu(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        storeMasked(c, in);
    }

    /** Stores the marked bytes of 16 at DS:rDI. */
    static void storeMasked(Cpu c, Insn in) {
        int s = in.reg << 2;
        int m = in.rm << 2;
        long linear = maskTarget(c, in, 16);
        storeBytes(c, in, linear, c.v[s], Lanes.pmovmskb(c.v[m]));
        storeBytes(c, in, SimdAccess.advance(in, linear, 8), c.v[s + 1], Lanes.pmovmskb(c.v[m + 1]));
    }

    /** Linear address of DS:rDI (or of the overriding segment), probed: the stores that follow cannot fault. */
    private static long maskTarget(Cpu c, Insn in, int bytes) {
        long offset = c.r[Reg.RDI];
        if (in.addressSize != 64) {
            offset &= in.addressSize == 32 ? 0xffffffffL : 0xffff;
        }
        long linear = in.codeSize == 64
                ? c.base[in.seg] + offset
                : nestbox.x86.op.Segmentation.linear(c, in.seg, offset, bytes, true);
        c.mem.probeWrite(linear, bytes, in.seg);
        return linear;
    }

    private static void storeBytes(Cpu c, Insn in, long linear, long value, int mask) {
        for (int i = 0; i < 8; i++) {
            if ((mask >>> i & 1) != 0) {
                c.mem.store8(SimdAccess.advance(in, linear, i), in.seg, value >>> 8 * i);
            }
        }
    }
}
