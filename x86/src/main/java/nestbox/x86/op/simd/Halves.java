package nestbox.x86.op.simd;

/** Operations on 128-bit halves by mnemonic (without VEX's V), composed from lanes; legacy and VEX encodings share them. */
final class Halves {
    private Halves() {}

    /** By how much the immediate is shifted for the upper half of a 256-bit operation. */
    static int immediateStep(String mnemonic) {
        switch (mnemonic) {
            case "SHUFPD":
            case "PERMILPD":
            case "BLENDPD":
                return 2;
            case "MPSADBW":
                return 3;
            case "BLENDPS":
            case "PBLENDD":
                return 4;
            default:
                return 0;
        }
    }

    /** What SSE3 and later add, or null. */
    static Half later(String mnemonic) {
        Half half = vertical(Vertical.of(mnemonic));
        half = half != null ? half : pairwise(Pairwise.of(mnemonic));
        half = half != null ? half : shuffle(mnemonic);
        half = half != null ? half : special(mnemonic);
        return half != null ? half : Cryptography.of(mnemonic);
    }

    /** What SSE and SSE2 have, for their VEX encodings, or null. */
    static Half early(String mnemonic) {
        IntegerSimd.Lane lane = IntegerSimd.lane(mnemonic);
        Half half = vertical(lane != null ? lane : IntegerSimd.logic(mnemonic));
        half = half != null ? half : pairwise(IntegerSimd.narrowing(mnemonic));
        return half != null ? half : EarlyShuffles.of(mnemonic);
    }

    private static Half vertical(IntegerSimd.Lane op) {
        return op == null
                ? null
                : (v, d, a, b, imm) -> {
                    long high = op.apply(v[a + 1], v[b + 1]);
                    v[d] = op.apply(v[a], v[b]);
                    v[d + 1] = high;
                };
    }

    /** The first source's two lanes give the low lane, the second's the high one. */
    private static Half pairwise(IntegerSimd.Lane op) {
        return op == null
                ? null
                : (v, d, a, b, imm) -> {
                    long high = op.apply(v[b], v[b + 1]);
                    v[d] = op.apply(v[a], v[a + 1]);
                    v[d + 1] = high;
                };
    }

    static void set(long[] v, int d, long low, long high) {
        v[d] = low;
        v[d + 1] = high;
    }

    private static Half shuffle(String mnemonic) {
        switch (mnemonic) {
            case "PSHUFB":
                return (v, d, a, b, imm) -> {
                    long low = v[a];
                    long high = v[a + 1];
                    long names = v[b + 1];
                    v[d] = Ssse3Lanes.shuffleBytes(low, high, v[b]);
                    v[d + 1] = Ssse3Lanes.shuffleBytes(low, high, names);
                };
            case "PALIGNR":
                return Halves::palignr;
            case "MOVSLDUP":
                return (v, d, a, b, imm) -> set(v, d, low32(v[b]), low32(v[b + 1]));
            case "MOVSHDUP":
                return (v, d, a, b, imm) -> set(v, d, low32(v[b] >>> 32), low32(v[b + 1] >>> 32));
            case "PBLENDW":
                return (v, d, a, b, imm) -> set(
                        v,
                        d,
                        Sse4Lanes.select(v[a], v[b], words(imm)),
                        Sse4Lanes.select(v[a + 1], v[b + 1], words(imm >>> 4)));
            case "BLENDPS":
            case "PBLENDD":
                return (v, d, a, b, imm) -> set(
                        v,
                        d,
                        Sse4Lanes.select(v[a], v[b], pair(imm)),
                        Sse4Lanes.select(v[a + 1], v[b + 1], pair(imm >>> 2)));
            case "BLENDPD":
                return (v, d, a, b, imm) -> set(v, d, v[(imm & 1) != 0 ? b : a], v[((imm & 2) != 0 ? b : a) + 1]);
            default:
                return null;
        }
    }

    private static long low32(long a) {
        return (a & 0xffffffffL) * 0x100000001L;
    }

    /** Mask of the words that the low four bits name. */
    private static long words(int bits) {
        long spread = (bits & 1) | (bits & 2) << 15 | (bits & 4L) << 30 | (bits & 8L) << 45;
        return spread * 0xffff;
    }

    private static long pair(int bits) {
        return -(bits & 1L) & 0xffffffffL | -(bits >>> 1 & 1L) << 32;
    }

    private static void palignr(long[] v, int d, int a, int b, int imm) {
        int by = 8 * imm;
        long low = v[b];
        long mid = v[b + 1];
        long high = v[a];
        long top = v[a + 1];
        if (by < 64) {
            set(v, d, Ssse3Lanes.funnel(low, mid, by), Ssse3Lanes.funnel(mid, high, by));
        } else if (by < 128) {
            set(v, d, Ssse3Lanes.funnel(mid, high, by - 64), Ssse3Lanes.funnel(high, top, by - 64));
        } else {
            set(v, d, Ssse3Lanes.funnel(high, top, by - 128), Ssse3Lanes.funnel(top, 0, by - 128));
        }
    }

    private static Half special(String mnemonic) {
        switch (mnemonic) {
            case "PHMINPOSUW":
                return Halves::phminposuw;
            case "MPSADBW":
                return Halves::mpsadbw;
            default:
                return null;
        }
    }

    private static void phminposuw(long[] v, int d, int a, int b, int imm) {
        long best = 0x10000;
        long at = 0;
        for (int i = 0; i < 8; i++) {
            long word = v[b + (i >> 2)] >>> 16 * (i & 3) & 0xffff;
            if (word < best) {
                best = word;
                at = i;
            }
        }
        set(v, d, best | at << 16, 0);
    }

    private static int byteAt(long low, long high, int n) {
        return (int) ((n < 8 ? low : high) >>> 8 * (n & 7)) & 0xff;
    }

    private static void mpsadbw(long[] v, int d, int a, int b, int imm) {
        long low = v[a];
        long high = v[a + 1];
        int block = (int) (v[b + (imm >>> 1 & 1)] >>> 32 * (imm & 1));
        int from = imm & 4;
        long first = 0;
        long second = 0;
        for (int i = 0; i < 8; i++) {
            long sum = 0;
            for (int j = 0; j < 4; j++) {
                sum += Math.abs(byteAt(low, high, from + i + j) - (block >>> 8 * j & 0xff));
            }
            if (i < 4) {
                first |= sum << 16 * i;
            } else {
                second |= sum << 16 * (i - 4);
            }
        }
        set(v, d, first, second);
    }
}
