package nestbox.x86.op.simd;

/** Mnemonics of SSSE3 and SSE4 that combine a source's two lanes into one of the result. */
final class Pairwise {
    private Pairwise() {}

    static IntegerSimd.Lane of(String mnemonic) {
        switch (mnemonic) {
            case "PHADDW":
                return Ssse3Lanes::phaddw;
            case "PHADDD":
                return Ssse3Lanes::phaddd;
            case "PHADDSW":
                return Ssse3Lanes::phaddsw;
            case "PHSUBW":
                return Ssse3Lanes::phsubw;
            case "PHSUBD":
                return Ssse3Lanes::phsubd;
            case "PHSUBSW":
                return Ssse3Lanes::phsubsw;
            case "PACKUSDW":
                return Sse4Lanes::packusdw;
            default:
                return null;
        }
    }
}
