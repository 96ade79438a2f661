package nestbox.x86.fp;

/** F16C's conversions between half and single precision (SDM Vol. 1, "Half-Precision Floating-Point Conversion"). */
public final class HalfPrecision {
    private static final int CURRENT = 4;

    private HalfPrecision() {}

    /** A half as a single: always exact, denormals included, whatever DAZ says. */
    public static long widen(FpUnit u, long half) {
        long sign = (half & 0x8000) << 16;
        int exponent = (int) half >>> 10 & 0x1f;
        long fraction = half & 0x3ff;
        if (exponent == 0x1f) {
            if (fraction != 0 && (fraction & 0x200) == 0) {
                u.flags |= FpUnit.IE;
            }
            return sign | 0x7f800000L | fraction << 13 | (fraction != 0 ? 1L << 22 : 0);
        }
        if (exponent == 0) {
            if (fraction == 0) {
                return sign;
            }
            int shift = Long.numberOfLeadingZeros(fraction) - 53;
            return sign | (long) (113 - shift) << 23 | (fraction << shift & 0x3ff) << 13;
        }
        return sign | (long) (exponent + 112) << 23 | fraction << 13;
    }

    /** A single as a half, rounded as the immediate says; tiny results are denormal, whatever FTZ says. */
    public static long narrow(FpUnit u, long single, int control) {
        u.a.load32((int) single, u.daz);
        long sign = single >>> 16 & 0x8000;
        if (u.a.isNan()) {
            u.flags |= u.a.kind == Operand.SNAN ? FpUnit.IE : 0;
            return sign | 0x7e00 | single >>> 13 & 0x3ff;
        }
        if (u.a.kind == Operand.ZERO) {
            return sign;
        }
        if (u.a.kind == Operand.INFINITE) {
            return sign | 0x7c00;
        }
        u.flags |= u.a.denormal ? FpUnit.DE : 0;
        int rounding = u.rounding;
        boolean flush = u.flush;
        u.rounding = (control & CURRENT) != 0 ? rounding : control & 3;
        u.flush = false;
        u.sign = u.a.sign;
        u.exp = u.a.exp;
        u.hi = u.a.mant;
        u.lo = 0;
        u.round(11, -14, 15, 0);
        u.rounding = rounding;
        u.flush = flush;
        return u.hi >= 0 ? sign | u.hi >>> 53 : sign | (long) (u.exp + 15) << 10 | u.hi >>> 53 & 0x3ff;
    }
}
