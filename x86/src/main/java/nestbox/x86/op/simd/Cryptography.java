package nestbox.x86.op.simd;

/** Mnemonics of AES-NI, PCLMULQDQ, GFNI and SHA as operations on 128-bit halves. */
final class Cryptography {
    private Cryptography() {}

    static Half of(String mnemonic) {
        switch (mnemonic) {
            case "AESENC":
                return (v, d, a, b, imm) -> Aes.encrypt(v, d, a, b, true);
            case "AESENCLAST":
                return (v, d, a, b, imm) -> Aes.encrypt(v, d, a, b, false);
            case "AESDEC":
                return (v, d, a, b, imm) -> Aes.decrypt(v, d, a, b, true);
            case "AESDECLAST":
                return (v, d, a, b, imm) -> Aes.decrypt(v, d, a, b, false);
            case "AESIMC":
                return Aes::inverseMix;
            case "AESKEYGENASSIST":
                return Aes::assist;
            case "PCLMULQDQ":
                return Cryptography::multiply;
            case "GF2P8MULB":
                return (v, d, a, b, imm) -> {
                    long high = GaloisField.multiply(v[a + 1], v[b + 1]);
                    v[d] = GaloisField.multiply(v[a], v[b]);
                    v[d + 1] = high;
                };
            case "GF2P8AFFINEQB":
                return (v, d, a, b, imm) -> {
                    long high = GaloisField.affine(v[a + 1], v[b + 1], imm);
                    v[d] = GaloisField.affine(v[a], v[b], imm);
                    v[d + 1] = high;
                };
            case "GF2P8AFFINEINVQB":
                return (v, d, a, b, imm) -> {
                    long high = GaloisField.affine(GaloisField.inverse(v[a + 1]), v[b + 1], imm);
                    v[d] = GaloisField.affine(GaloisField.inverse(v[a]), v[b], imm);
                    v[d + 1] = high;
                };
            default:
                return Sha.of(mnemonic);
        }
    }

    /** Carry-less product of the quadwords that bits 0 and 4 of the immediate choose. */
    private static void multiply(long[] v, int d, int a, int b, int imm) {
        long x = v[a + (imm & 1)];
        long y = v[b + (imm >>> 4 & 1)];
        long low = 0;
        long high = 0;
        for (int i = 0; i < 64; i++) {
            long chosen = -(y >>> i & 1);
            low ^= x << i & chosen;
            high ^= (i == 0 ? 0 : x >>> 64 - i) & chosen;
        }
        v[d] = low;
        v[d + 1] = high;
    }
}
