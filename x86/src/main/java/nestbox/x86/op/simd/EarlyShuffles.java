package nestbox.x86.op.simd;

/** The shuffles of SSE and SSE2 on 128-bit halves, for their VEX encodings; and AVX's in-lane permutes. */
final class EarlyShuffles {
    private EarlyShuffles() {}

    static Half of(String mnemonic) {
        switch (mnemonic) {
            case "PUNPCKLBW":
                return unpack(Lanes::punpcklbw, Lanes::punpckhbw, 0);
            case "PUNPCKLWD":
                return unpack(Lanes::punpcklwd, Lanes::punpckhwd, 0);
            case "PUNPCKLDQ":
            case "UNPCKLPS":
                return unpack(Lanes::punpckldq, Lanes::punpckhdq, 0);
            case "PUNPCKLQDQ":
            case "UNPCKLPD":
                return unpack((a, b) -> a, (a, b) -> b, 0);
            case "PUNPCKHBW":
                return unpack(Lanes::punpcklbw, Lanes::punpckhbw, 1);
            case "PUNPCKHWD":
                return unpack(Lanes::punpcklwd, Lanes::punpckhwd, 1);
            case "PUNPCKHDQ":
            case "UNPCKHPS":
                return unpack(Lanes::punpckldq, Lanes::punpckhdq, 1);
            case "PUNPCKHQDQ":
            case "UNPCKHPD":
                return unpack((a, b) -> a, (a, b) -> b, 1);
            default:
                return ordered(mnemonic);
        }
    }

    private static Half unpack(IntegerSimd.Lane low, IntegerSimd.Lane high, int half) {
        return (v, d, a, b, imm) -> {
            long x = v[a + half];
            long y = v[b + half];
            v[d] = low.apply(x, y);
            v[d + 1] = high.apply(x, y);
        };
    }

    private static Half ordered(String mnemonic) {
        switch (mnemonic) {
            case "PSHUFD":
            case "PERMILPS":
                return (v, d, a, b, imm) -> shuffle(v, d, b, b, imm);
            case "SHUFPS":
                return EarlyShuffles::shuffle;
            case "SHUFPD":
                return (v, d, a, b, imm) -> Halves.set(v, d, v[a + (imm & 1)], v[b + (imm >>> 1 & 1)]);
            case "PERMILPD":
                return (v, d, a, b, imm) -> Halves.set(v, d, v[b + (imm & 1)], v[b + (imm >>> 1 & 1)]);
            case "PSHUFLW":
                return (v, d, a, b, imm) -> Halves.set(v, d, Lanes.shuffleWords(v[b], imm), v[b + 1]);
            case "PSHUFHW":
                return (v, d, a, b, imm) -> Halves.set(v, d, v[b], Lanes.shuffleWords(v[b + 1], imm));
            default:
                return null;
        }
    }

    /** Two doublewords of the first source, then two of the second. */
    private static void shuffle(long[] v, int d, int a, int b, int order) {
        long low = Lanes.doubleword(v[a], v[a + 1], order) | Lanes.doubleword(v[a], v[a + 1], order >>> 2) << 32;
        long high = Lanes.doubleword(v[b], v[b + 1], order >>> 4) | Lanes.doubleword(v[b], v[b + 1], order >>> 6) << 32;
        Halves.set(v, d, low, high);
    }

    /** VPERMILPS with its order in a register. */
    static void permilps(long[] v, int d, int a, int b, int imm) {
        long low = v[a];
        long high = v[a + 1];
        long first = v[b];
        long second = v[b + 1];
        long r = Lanes.doubleword(low, high, (int) first) | Lanes.doubleword(low, high, (int) (first >>> 32)) << 32;
        Halves.set(
                v,
                d,
                r,
                Lanes.doubleword(low, high, (int) second) | Lanes.doubleword(low, high, (int) (second >>> 32)) << 32);
    }

    /** VPERMILPD with its order in a register: bit 1 of each quadword counts. */
    static void permilpd(long[] v, int d, int a, int b, int imm) {
        int first = (int) v[b] >>> 1 & 1;
        int second = (int) v[b + 1] >>> 1 & 1;
        Halves.set(v, d, v[a + first], v[a + second]);
    }
}
