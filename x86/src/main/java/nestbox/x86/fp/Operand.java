package nestbox.x86.fp;

/**
 * A floating-point operand unpacked from any of the three formats: its class, and for a finite non-zero value
 * {@code (-1)^sign * mant/2^63 * 2^exp} with bit 63 of {@code mant} set.
 */
final class Operand {
    static final int ZERO = 0;
    static final int FINITE = 1;
    static final int INFINITE = 2;
    static final int QNAN = 3;
    static final int SNAN = 4;
    /** Encodings of the 80-bit format that no operation takes: unnormals, pseudo-infinities, pseudo-NaNs. */
    static final int UNSUPPORTED = 5;

    int kind;
    int sign;
    int exp;
    long mant;
    boolean denormal;

    boolean isNan() {
        return kind >= QNAN;
    }

    private void small(long fraction, int width, int minExponent, boolean daz) {
        denormal = false;
        mant = 0;
        kind = ZERO;
        if (fraction != 0 && !daz) {
            int shift = Long.numberOfLeadingZeros(fraction);
            denormal = true;
            kind = FINITE;
            mant = fraction << shift;
            exp = minExponent - (shift - (64 - width));
        }
    }

    private void large(long aligned, boolean special, int exponent) {
        denormal = false;
        mant = Long.MIN_VALUE | aligned;
        exp = exponent;
        kind = !special ? FINITE : aligned == 0 ? INFINITE : aligned << 1 < 0 ? QNAN : SNAN;
    }

    void load32(int bits, boolean daz) {
        sign = bits >>> 31;
        int e = bits >>> 23 & 0xff;
        long f = bits & 0x7fffffL;
        if (e == 0) {
            small(f, 24, -126, daz);
        } else {
            large(f << 40, e == 0xff, e - 127);
        }
    }

    void load64(long bits, boolean daz) {
        sign = (int) (bits >>> 63);
        int e = (int) (bits >>> 52) & 0x7ff;
        long f = bits & 0xfffffffffffffL;
        if (e == 0) {
            small(f, 53, -1022, daz);
        } else {
            large(f << 11, e == 0x7ff, e - 1023);
        }
    }

    /** @param se sign and exponent, 16 bits */
    void load80(int se, long m) {
        sign = se >>> 15 & 1;
        int e = se & 0x7fff;
        if (e == 0) {
            small(m, 64, -16382, false);
        } else if (m >= 0) {
            kind = UNSUPPORTED;
            denormal = false;
        } else {
            large(m & Long.MAX_VALUE, e == 0x7fff, e - 16383);
        }
    }

    void loadInteger(long value) {
        sign = value < 0 ? 1 : 0;
        long magnitude = Math.abs(value);
        denormal = false;
        mant = 0;
        kind = ZERO;
        if (magnitude != 0) {
            int shift = Long.numberOfLeadingZeros(magnitude);
            kind = FINITE;
            mant = magnitude << shift;
            exp = 63 - shift;
        }
    }
}
