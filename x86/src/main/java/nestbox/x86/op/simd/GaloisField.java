package nestbox.x86.op.simd;

/** Bytes as elements of GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, the field of AES and GFNI (FIPS 197; SDM Vol. 2, "GF2P8MULB"). */
final class GaloisField {
    private static final int POLYNOMIAL = 0x11b;
    private static final byte[] INVERSES = inverses();

    private GaloisField() {}

    private static byte[] inverses() {
        byte[] table = new byte[256];
        for (int x = 1; x < 256; x++) {
            int y = 1;
            while (product(x, y) != 1) {
                y++;
            }
            table[x] = (byte) y;
        }
        return table;
    }

    static int product(int x, int y) {
        int r = 0;
        int shifted = x;
        for (int bits = y; bits != 0; bits >>>= 1) {
            r ^= (bits & 1) != 0 ? shifted : 0;
            shifted <<= 1;
            shifted ^= shifted > 0xff ? POLYNOMIAL : 0;
        }
        return r;
    }

    /** The multiplicative inverse; 0 for 0. */
    static int inverse(int x) {
        return INVERSES[x] & 0xff;
    }

    static long multiply(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            r |= (long) product((int) (a >>> s) & 0xff, (int) (b >>> s) & 0xff) << s;
        }
        return r;
    }

    static long inverse(long a) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            r |= (long) inverse((int) (a >>> s) & 0xff) << s;
        }
        return r;
    }

    /** Each byte of {@code a} times the 8 by 8 bit matrix, whose rows are the bytes from the highest down, plus a constant. */
    static long affine(long a, long matrix, int constant) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            long x = a >>> s & 0xff;
            int y = 0;
            for (int bit = 0; bit < 8; bit++) {
                y |= (Long.bitCount(matrix >>> 8 * (7 - bit) & x) & 1) << bit;
            }
            r |= (long) (y ^ constant & 0xff) << s;
        }
        return r;
    }
}
