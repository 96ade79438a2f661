package nestbox.x86.op.simd;

/** The rounds of AES (FIPS 197; SDM Vol. 2, "AESENC" and its kin). A state is two lanes; byte r + 4c is row r, column c. */
final class Aes {
    private static final byte[] BOX = new byte[256];
    private static final byte[] INVERSE_BOX = new byte[256];

    static {
        for (int x = 0; x < 256; x++) {
            int inverse = GaloisField.inverse(x);
            int y = 0x63;
            for (int i = 0; i < 5; i++) {
                y ^= inverse << i | inverse >>> 8 - i;
            }
            BOX[x] = (byte) y;
            INVERSE_BOX[y & 0xff] = (byte) x;
        }
    }

    private Aes() {}

    private static int byteAt(long low, long high, int n) {
        return (int) ((n < 8 ? low : high) >>> 8 * (n & 7)) & 0xff;
    }

    /** Column {@code c} after the shift of rows and the substitution of bytes. */
    private static int column(long low, long high, int c, byte[] box, int step) {
        int r = 0;
        for (int row = 0; row < 4; row++) {
            r |= (box[byteAt(low, high, row + 4 * (c + step * row & 3))] & 0xff) << 8 * row;
        }
        return r;
    }

    /** The column times the circulant matrix whose first row is the bytes of {@code factors}. */
    private static int mix(int column, int factors) {
        int r = 0;
        for (int row = 0; row < 4; row++) {
            int sum = 0;
            for (int i = 0; i < 4; i++) {
                sum ^= GaloisField.product(column >>> 8 * i & 0xff, factors >>> 8 * (i - row & 3) & 0xff);
            }
            r |= sum << 8 * row;
        }
        return r;
    }

    private static long columns(long low, long high, int c, byte[] box, int step, int factors) {
        int first = column(low, high, c, box, step);
        int second = column(low, high, c + 1, box, step);
        if (factors != 0) {
            first = mix(first, factors);
            second = mix(second, factors);
        }
        return first & 0xffffffffL | (long) second << 32;
    }

    /** First row of MixColumns' matrix, lowest byte first: 2, 3, 1, 1; and of its inverse: 14, 11, 13, 9. */
    private static final int MIX = 0x01010302;

    private static final int INVERSE_MIX = 0x090d0b0e;

    static void encrypt(long[] v, int d, int a, int b, boolean mixed) {
        round(v, d, a, b, BOX, 1, mixed ? MIX : 0);
    }

    static void decrypt(long[] v, int d, int a, int b, boolean mixed) {
        round(v, d, a, b, INVERSE_BOX, -1, mixed ? INVERSE_MIX : 0);
    }

    private static void round(long[] v, int d, int a, int b, byte[] box, int step, int factors) {
        long low = v[a];
        long high = v[a + 1];
        long key = v[b + 1];
        v[d] = columns(low, high, 0, box, step, factors) ^ v[b];
        v[d + 1] = columns(low, high, 2, box, step, factors) ^ key;
    }

    static void inverseMix(long[] v, int d, int a, int b, int imm) {
        v[d] = inverseMix(v[b]);
        v[d + 1] = inverseMix(v[b + 1]);
    }

    private static long inverseMix(long lane) {
        return mix((int) lane, INVERSE_MIX) & 0xffffffffL | (long) mix((int) (lane >>> 32), INVERSE_MIX) << 32;
    }

    private static int substitute(int word) {
        int r = 0;
        for (int s = 0; s < 32; s += 8) {
            r |= (BOX[word >>> s & 0xff] & 0xff) << s;
        }
        return r;
    }

    static void assist(long[] v, int d, int a, int b, int constant) {
        v[d] = assist((int) (v[b] >>> 32), constant);
        v[d + 1] = assist((int) (v[b + 1] >>> 32), constant);
    }

    private static long assist(int word, int constant) {
        int x = substitute(word);
        return x & 0xffffffffL | (long) (Integer.rotateRight(x, 8) ^ constant) << 32;
    }
}
