package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** VEX-encoded moves among vector registers, general registers and memory (SDM Vol. 2). */
final class VexMoves {
    private VexMoves() {}

    /** The handler, or null; {@code base} is the mnemonic without V. */
    static Handler bind(Insn form, String base) {
        boolean store = form.form.rmFirst();
        switch (base) {
            case "MOVAPS":
            case "MOVAPD":
            case "MOVDQA":
            case "MOVNTDQA":
            case "MOVNTPS":
            case "MOVNTPD":
            case "MOVNTDQ":
                return store ? (c, in) -> store(c, in, true) : (c, in) -> load(c, in, true);
            case "MOVUPS":
            case "MOVUPD":
            case "MOVDQU":
            case "LDDQU":
                return store ? (c, in) -> store(c, in, false) : (c, in) -> load(c, in, false);
            case "MOVSS":
                return store ? (c, in) -> storeScalar(c, in, 32) : (c, in) -> loadScalar(c, in, 32);
            case "MOVSD":
                return store ? (c, in) -> storeScalar(c, in, 64) : (c, in) -> loadScalar(c, in, 64);
            case "MOVD":
                return store ? (c, in) -> toGeneral(c, in, 32) : (c, in) -> fromGeneral(c, in, 32);
            case "MOVQ":
                return quadword(form, store);
            case "MOVDDUP":
                return VexMoves::movddup;
            default:
                return halves(form, base, store);
        }
    }

    private static Handler halves(Insn form, String base, boolean store) {
        switch (base) {
            case "MOVLPS":
            case "MOVLPD":
                return store ? (c, in) -> storeHalf(c, in, 0) : (c, in) -> loadHalf(c, in, 0);
            case "MOVHPS":
            case "MOVHPD":
                return store ? (c, in) -> storeHalf(c, in, 1) : (c, in) -> loadHalf(c, in, 1);
            case "MOVHLPS":
                return (c, in) -> combine(c, in, c.v[(in.rm << 2) + 1], c.v[(in.vvvv << 2) + 1]);
            case "MOVLHPS":
                return (c, in) -> combine(c, in, c.v[in.vvvv << 2], c.v[in.rm << 2]);
            case "MOVMSKPS":
                return (c, in) -> signs(c, in, 32);
            case "MOVMSKPD":
                return (c, in) -> signs(c, in, 64);
            case "PMOVMSKB":
                return (c, in) -> signs(c, in, 8);
            default:
                return null;
        }
    }

    private static void load(Cpu c, Insn in, boolean aligned) {
        VectorAccess.checkAvx(c);
        int s = in.memory ? VectorAccess.load(c, in, VectorAccess.bytes(in), aligned) : in.rm << 2;
        move(c, in, in.reg << 2, s);
    }

    private static void move(Cpu c, Insn in, int d, int s) {
        System.arraycopy(c.v, s, c.v, d, 4);
        VectorAccess.close(c, in, d);
    }

    private static void store(Cpu c, Insn in, boolean aligned) {
        VectorAccess.checkAvx(c);
        if (in.memory) {
            VectorAccess.store(c, in, VectorAccess.bytes(in), aligned, in.reg << 2);
        } else {
            move(c, in, in.rm << 2, in.reg << 2);
        }
    }

    private static void write(Cpu c, Insn in, int d, long low, long high) {
        Halves.set(c.v, d, low, high);
        VectorAccess.closeScalar(c, in, d);
    }

    /** From memory what is above becomes 0; between registers it comes from VEX.vvvv. */
    private static void loadScalar(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        long value = SimdAccess.sourceScalar(c, in, bits);
        if (in.memory) {
            write(c, in, in.reg << 2, value, 0);
        } else {
            VectorFloat.insert(c, in, in.vvvv << 2, value, bits);
        }
    }

    private static void storeScalar(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        long value = c.v[in.reg << 2];
        if (in.memory) {
            c.mem.store(bits, Operands.linear(c, in, bits >> 3, true), Operands.faultSegment(in), value);
        } else {
            int a = in.vvvv << 2;
            write(c, in, in.rm << 2, FloatSimd.merge(c.v[a], value, bits), c.v[a + 1]);
        }
    }

    private static void fromGeneral(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        write(c, in, in.reg << 2, Operands.rm(c, in, bits), 0);
    }

    private static void toGeneral(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        Operands.setRm(c, in, bits, c.v[in.reg << 2]);
    }

    private static Handler quadword(Insn form, boolean store) {
        boolean general = form.form.operands().contains("Eq");
        if (general) {
            return store ? (c, in) -> toGeneral(c, in, 64) : (c, in) -> fromGeneral(c, in, 64);
        }
        if (!store) {
            return (c, in) -> {
                VectorAccess.checkAvx(c);
                write(c, in, in.reg << 2, SimdAccess.sourceScalar(c, in, 64), 0);
            };
        }
        return (c, in) -> {
            VectorAccess.checkAvx(c);
            long value = c.v[in.reg << 2];
            if (in.memory) {
                c.mem.store64(Operands.linear(c, in, 8, true), Operands.faultSegment(in), value);
            } else {
                write(c, in, in.rm << 2, value, 0);
            }
        };
    }

    private static void movddup(Cpu c, Insn in) {
        VectorAccess.checkAvx(c);
        int d = in.reg << 2;
        if (in.vexLength == 256) {
            int s = VectorAccess.source(c, in);
            long low = c.v[s];
            long high = c.v[s + 2];
            Halves.set(c.v, d, low, low);
            Halves.set(c.v, d + 2, high, high);
        } else {
            long low = SimdAccess.sourceScalar(c, in, 64);
            write(c, in, d, low, low);
        }
    }

    private static void loadHalf(Cpu c, Insn in, int half) {
        VectorAccess.checkAvx(c);
        long value = c.mem.load64(Operands.linear(c, in, 8, false), Operands.faultSegment(in));
        int a = in.vvvv << 2;
        write(c, in, in.reg << 2, half == 0 ? value : c.v[a], half == 0 ? c.v[a + 1] : value);
    }

    private static void storeHalf(Cpu c, Insn in, int half) {
        VectorAccess.checkAvx(c);
        c.mem.store64(Operands.linear(c, in, 8, true), Operands.faultSegment(in), c.v[(in.reg << 2) + half]);
    }

    private static void combine(Cpu c, Insn in, long low, long high) {
        VectorAccess.checkAvx(c);
        write(c, in, in.reg << 2, low, high);
    }

    /** The sign bits of the elements, in a general register. */
    private static void signs(Cpu c, Insn in, int bits) {
        VectorAccess.checkAvx(c);
        long r = 0;
        int n = 0;
        for (int lane = 0; lane < VectorAccess.bytes(in) >> 3; lane++) {
            for (int s = bits - 1; s < 64; s += bits) {
                r |= (c.v[(in.rm << 2) + lane] >>> s & 1) << n++;
            }
        }
        c.r[in.reg] = r;
    }
}
