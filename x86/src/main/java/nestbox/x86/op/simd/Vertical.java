package nestbox.x86.op.simd;

/** Mnemonics of SSSE3, SSE4 and AVX2 that work lane by lane. */
final class Vertical {
    private Vertical() {}

    static IntegerSimd.Lane of(String mnemonic) {
        switch (mnemonic) {
            case "PMADDUBSW":
                return Ssse3Lanes::pmaddubsw;
            case "PSIGNB":
                return Ssse3Lanes::psignb;
            case "PSIGNW":
                return Ssse3Lanes::psignw;
            case "PSIGND":
                return Ssse3Lanes::psignd;
            case "PMULHRSW":
                return Ssse3Lanes::pmulhrsw;
            case "PABSB":
                return Ssse3Lanes::pabsb;
            case "PABSW":
                return Ssse3Lanes::pabsw;
            case "PABSD":
                return Ssse3Lanes::pabsd;
            case "PMULDQ":
                return Sse4Lanes::pmuldq;
            case "PMULLD":
                return Sse4Lanes::pmulld;
            case "PCMPEQQ":
                return Sse4Lanes::pcmpeqq;
            case "PCMPGTQ":
                return Sse4Lanes::pcmpgtq;
            case "PSLLVD":
                return Sse4Lanes::psllvd;
            case "PSRLVD":
                return Sse4Lanes::psrlvd;
            case "PSRAVD":
                return Sse4Lanes::psravd;
            case "PSLLVQ":
                return Lanes::psllq;
            case "PSRLVQ":
                return Lanes::psrlq;
            default:
                return extremum(mnemonic);
        }
    }

    private static IntegerSimd.Lane extremum(String mnemonic) {
        switch (mnemonic) {
            case "PMINSB":
                return Sse4Lanes::pminsb;
            case "PMINSD":
                return Sse4Lanes::pminsd;
            case "PMINUW":
                return Sse4Lanes::pminuw;
            case "PMINUD":
                return Sse4Lanes::pminud;
            case "PMAXSB":
                return Sse4Lanes::pmaxsb;
            case "PMAXSD":
                return Sse4Lanes::pmaxsd;
            case "PMAXUW":
                return Sse4Lanes::pmaxuw;
            case "PMAXUD":
                return Sse4Lanes::pmaxud;
            default:
                return null;
        }
    }
}
