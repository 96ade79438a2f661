package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** Shapes of packed instructions that have a legacy and a VEX encoding: {@link Half}s, shifts, blends by sign, tests. */
final class VectorInteger {
    private VectorInteger() {}

    /** The handler, or null; {@code base} is the mnemonic without VEX's V. */
    static Handler bind(Insn in, String base) {
        if (in.vexLength == 0 && IntegerSimd.mmx(in)) {
            return mmx(in, base);
        }
        Half half = half(in, base);
        if (half != null) {
            return halves(half, (int) in.imm & 0xff, Halves.immediateStep(base));
        }
        IntegerSimd.Lane shift = in.vexLength == 0 ? null : IntegerSimd.shift(base);
        return shift != null ? shift(in, shift) : rest(base);
    }

    private static Half half(Insn in, String base) {
        if (base.startsWith("PERMILP")
                && in.form.operands().size() == 3
                && in.form.operands().get(1).charAt(0) == 'H') {
            return base.equals("PERMILPS") ? EarlyShuffles::permilps : EarlyShuffles::permilpd;
        }
        Half half = Halves.later(base);
        return half == null && in.vexLength != 0 ? Halves.early(base) : half;
    }

    private static Handler mmx(Insn in, String base) {
        if (base.equals("PSHUFB")) {
            return IntegerSimd.vertical(in, Ssse3Lanes::pshufb);
        }
        if (base.equals("PALIGNR")) {
            int bytes = (int) in.imm & 0xff;
            return IntegerSimd.vertical(in, (a, b) -> Ssse3Lanes.palignr(a, b, bytes));
        }
        IntegerSimd.Lane lane = Vertical.of(base);
        lane = lane != null ? lane : Pairwise.of(base);
        return lane == null ? null : IntegerSimd.vertical(in, lane);
    }

    private static Handler halves(Half op, int imm, int step) {
        return (c, in) -> {
            VectorAccess.check(c, in);
            int b = VectorAccess.source(c, in);
            int a = VectorAccess.first(in);
            int d = in.reg << 2;
            op.apply(c.v, d, a, b, imm);
            if (in.vexLength == 256) {
                op.apply(c.v, d + 2, a + 2, b + 2, imm >>> step);
            } else {
                VectorAccess.close(c, in, d);
            }
        };
    }

    /** VEX shifts of all elements by one count: an immediate, or 128 bits of register or memory. */
    private static Handler shift(Insn form, IntegerSimd.Lane op) {
        if (form.form.operands().get(0).charAt(0) == 'H') {
            return (c, in) -> {
                VectorAccess.checkAvx(c);
                shift(c, in, in.vvvv << 2, in.rm << 2, op, in.imm & 0xff);
            };
        }
        return (c, in) -> {
            VectorAccess.checkAvx(c);
            int b = VectorAccess.source(c, in, 16);
            shift(c, in, in.reg << 2, in.vvvv << 2, op, c.v[b]);
        };
    }

    private static void shift(Cpu c, Insn in, int d, int a, IntegerSimd.Lane op, long count) {
        int lanes = VectorAccess.bytes(in) >> 3;
        for (int i = 0; i < lanes; i++) {
            c.v[d + i] = op.apply(c.v[a + i], count);
        }
        VectorAccess.close(c, in, d);
    }

    private static Handler rest(String base) {
        switch (base) {
            case "PSLLDQ":
                return (c, in) -> shiftBytes(c, in, true);
            case "PSRLDQ":
                return (c, in) -> shiftBytes(c, in, false);
            case "PBLENDVB":
                return (c, in) -> blend(c, in, Sse4Lanes::byteSigns);
            case "BLENDVPS":
                return (c, in) -> blend(c, in, Sse4Lanes::doublewordSigns);
            case "BLENDVPD":
                return (c, in) -> blend(c, in, a -> a >> 63);
            case "PTEST":
                return (c, in) -> test(c, in, -1);
            case "TESTPS":
                return (c, in) -> test(c, in, 0x8000000080000000L);
            case "TESTPD":
                return (c, in) -> test(c, in, Long.MIN_VALUE);
            default:
                return null;
        }
    }

    private static void shiftBytes(Cpu c, Insn in, boolean left) {
        VectorAccess.checkAvx(c);
        int bits = (int) Math.min(in.imm & 0xff, 16) * 8;
        int d = in.vvvv << 2;
        int s = in.rm << 2;
        for (int i = 0; i < VectorAccess.bytes(in) >> 3; i += 2) {
            long low = c.v[s + i];
            long high = c.v[s + i + 1];
            if (left) {
                c.v[d + i] = Ssse3Lanes.funnel(0, low, 64 - Math.min(bits, 64));
                c.v[d + i + 1] = bits < 64 ? Ssse3Lanes.funnel(low, high, 64 - bits) : Lanes.psllq(low, bits - 64);
            } else {
                c.v[d + i] = Ssse3Lanes.funnel(low, high, bits);
                c.v[d + i + 1] = Ssse3Lanes.funnel(high, 0, bits);
            }
        }
        VectorAccess.close(c, in, d);
    }

    /** Turns an element's sign into a mask of the element. */
    @FunctionalInterface
    private interface Signs {
        long mask(long lane);
    }

    /** The mask is XMM0 in the legacy encoding, else the register that the immediate names. */
    private static void blend(Cpu c, Insn in, Signs signs) {
        VectorAccess.check(c, in);
        int b = VectorAccess.source(c, in);
        int a = VectorAccess.first(in);
        int m = in.vexLength == 0 ? 0 : ((int) in.imm >> 4 & (in.codeSize == 64 ? 15 : 7)) << 2;
        int d = in.reg << 2;
        for (int i = 0; i < VectorAccess.bytes(in) >> 3; i++) {
            c.v[d + i] = Sse4Lanes.select(c.v[a + i], c.v[b + i], signs.mask(c.v[m + i]));
        }
        VectorAccess.close(c, in, d);
    }

    /** ZF: no bit in both; CF: no bit of the source that is clear in the destination; of the bits in {@code mask}. */
    private static void test(Cpu c, Insn in, long mask) {
        VectorAccess.check(c, in);
        int b = VectorAccess.source(c, in);
        int a = in.reg << 2;
        long both = 0;
        long only = 0;
        for (int i = 0; i < VectorAccess.bytes(in) >> 3; i++) {
            both |= c.v[a + i] & c.v[b + i];
            only |= ~c.v[a + i] & c.v[b + i];
        }
        Flags.setArithmetic(c, ((both & mask) == 0 ? Flags.ZF : 0) | ((only & mask) == 0 ? Flags.CF : 0));
    }
}
