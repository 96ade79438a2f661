package nestbox.x86.op.simd;

/**
 * RCPPS and RSQRTPS: this model gives the nearest value of 12 fraction bits, well within the relative error of 1.5 * 2^-12 of
 * SDM Vol. 2, "RCPPS". Denormal operands are zeros and tiny results become zeros, whatever MXCSR says; no flag is raised.
 */
final class Approximation {
    private static final long DEFAULT_NAN = 0xffc00000L;

    private Approximation() {}

    private static boolean nan(int a) {
        return (a & 0x7fffffff) > 0x7f800000;
    }

    private static long rounded(double value) {
        int bits = Float.floatToRawIntBits((float) value);
        return bits + 0x400 & 0xfffff800L;
    }

    static long reciprocal(long source) {
        int a = (int) source;
        long sign = a & 0x80000000L;
        if (nan(a)) {
            return a & 0xffffffffL | 0x400000;
        }
        if ((a & 0x7f800000) == 0) {
            return sign | 0x7f800000L;
        }
        // 2^126 and more (infinities too) have reciprocals that would be denormal, but for 2^126 itself.
        if ((a & 0x7fffffff) > 0x7e800000) {
            return sign;
        }
        return rounded(1.0 / Float.intBitsToFloat(a));
    }

    static long reciprocalRoot(long source) {
        int a = (int) source;
        if (nan(a)) {
            return a & 0xffffffffL | 0x400000;
        }
        if ((a & 0x7f800000) == 0) {
            return a & 0x80000000L | 0x7f800000L;
        }
        if (a < 0) {
            return DEFAULT_NAN;
        }
        return a == 0x7f800000 ? 0 : rounded(1.0 / Math.sqrt(Float.intBitsToFloat(a)));
    }
}
