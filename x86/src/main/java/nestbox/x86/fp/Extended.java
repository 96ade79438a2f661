package nestbox.x86.fp;

/**
 * Operations of the x87 on its 80-bit format. Operands come as sign-and-exponent and significand; results are left in
 * {@link FpUnit#se} and {@link FpUnit#mant}, exceptions in {@link FpUnit#flags}. NaN rules as SDM Vol. 1, "Operating on SNaNs
 * and QNaNs": of two NaNs the one with the larger significand.
 */
public final class Extended {
    public static final int DEFAULT_NAN_SE = 0xffff;
    public static final long DEFAULT_NAN = 0xc000000000000000L;
    private static final long QUIET = 1L << 62;
    /** What an unmasked overflow or underflow moves the exponent by. */
    private static final int WRAP = 24576;

    public static final int ADD = 0;
    public static final int SUB = 1;
    public static final int MUL = 2;
    public static final int DIV = 3;

    /** {@link #remainder} gave a NaN or was stopped. */
    public static final int NO_QUOTIENT = -2;

    private Extended() {}

    /** Significand bits that FCW.PC selects (the reserved value 1 acts as 64). */
    public static int precision(int control) {
        switch (control >>> 8 & 3) {
            case 0:
                return 24;
            case 2:
                return 53;
            default:
                return 64;
        }
    }

    static void result(FpUnit u, int se, long mant) {
        u.se = se;
        u.mant = mant;
    }

    static void defaultNan(FpUnit u) {
        result(u, DEFAULT_NAN_SE, DEFAULT_NAN);
    }

    static void invalid(FpUnit u) {
        u.flags |= FpUnit.IE;
        defaultNan(u);
    }

    /** Rounds and packs an intermediate of the given class. */
    static void pack(FpUnit u, int kind, int precision) {
        int sign = u.sign << 15;
        switch (kind) {
            case Operand.ZERO:
                result(u, sign, 0);
                break;
            case Operand.INFINITE:
                result(u, sign | 0x7fff, Long.MIN_VALUE);
                break;
            case Operand.FINITE:
                u.round(precision, -16382, 16383, WRAP);
                result(u, u.hi >= 0 ? sign : sign | u.exp + 16383 & 0x7fff, u.hi);
                break;
            default:
                defaultNan(u);
                break;
        }
    }

    static void loadA(FpUnit u, int se, long m) {
        u.a.load80(se, m);
    }

    static void loadB(FpUnit u, int se, long m) {
        u.b.load80(se, m);
    }

    /** Handles a NaN or unsupported encoding among two loaded operands; false if there is none. */
    static boolean nan(FpUnit u, int seA, long a, int seB, long b) {
        int ka = u.a.kind;
        int kb = u.b.kind;
        if (ka < Operand.QNAN && kb < Operand.QNAN) {
            return false;
        }
        if (ka == Operand.UNSUPPORTED || kb == Operand.UNSUPPORTED) {
            invalid(u);
            return true;
        }
        if (ka == Operand.SNAN || kb == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
        boolean first;
        if (ka < Operand.QNAN || kb < Operand.QNAN) {
            first = kb < Operand.QNAN;
        } else if (ka != kb) {
            first = ka == Operand.QNAN;
        } else {
            int order = Long.compareUnsigned(a, b);
            first = order > 0 || (order == 0 && seA >>> 15 == 0);
        }
        result(u, first ? seA : seB, (first ? a : b) | QUIET);
        return true;
    }

    /** Handles a NaN or unsupported encoding in operand a. */
    static boolean nan(FpUnit u, int se, long m) {
        if (u.a.kind < Operand.QNAN) {
            return false;
        }
        if (u.a.kind == Operand.UNSUPPORTED) {
            invalid(u);
            return true;
        }
        if (u.a.kind == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
        result(u, se, m | QUIET);
        return true;
    }

    static void noteDenormals(FpUnit u) {
        if (u.a.denormal || u.b.denormal) {
            u.flags |= FpUnit.DE;
        }
    }

    /** A result whose pre-computation exception is unmasked must not be computed: its later exceptions do not happen. */
    static boolean stops(FpUnit u) {
        return (u.flags & u.unmasked & FpUnit.BEFORE) != 0;
    }

    public static void arithmetic(FpUnit u, int op, int seA, long a, int seB, long b, int precision) {
        loadA(u, seA, a);
        loadB(u, seB, b);
        if (nan(u, seA, a, seB, b)) {
            return;
        }
        int kind;
        switch (op) {
            case ADD:
                kind = u.add(false);
                break;
            case SUB:
                kind = u.add(true);
                break;
            case MUL:
                kind = u.mul();
                break;
            default:
                kind = u.div();
                break;
        }
        if ((u.flags & (FpUnit.IE | FpUnit.ZE)) == 0) {
            noteDenormals(u);
        }
        if (!stops(u)) {
            pack(u, kind, precision);
        }
    }

    public static void sqrt(FpUnit u, int se, long m, int precision) {
        loadA(u, se, m);
        if (nan(u, se, m)) {
            return;
        }
        int kind = u.sqrt();
        if (kind == Operand.FINITE && u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        if (!stops(u)) {
            pack(u, kind, precision);
        }
    }

    /** -1, 0, 1, or 2 for unordered. #I for an SNaN or unsupported encoding, and for a QNaN if {@code signalling}. */
    public static int compare(FpUnit u, int seA, long a, int seB, long b, boolean signalling) {
        loadA(u, seA, a);
        loadB(u, seB, b);
        int ka = u.a.kind;
        int kb = u.b.kind;
        if (ka >= Operand.QNAN || kb >= Operand.QNAN) {
            if (signalling || ka > Operand.QNAN || kb > Operand.QNAN) {
                u.flags |= FpUnit.IE;
            }
            return 2;
        }
        noteDenormals(u);
        return Integer.signum(u.compare());
    }

    private static void copy(FpUnit u) {
        u.sign = u.a.sign;
        u.exp = u.a.exp;
        u.hi = u.a.mant;
        u.lo = 0;
    }

    public static void roundToInteger(FpUnit u, int se, long m) {
        loadA(u, se, m);
        if (nan(u, se, m)) {
            return;
        }
        if (u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        if (stops(u)) {
            return;
        }
        if (u.a.kind != Operand.FINITE || u.a.exp >= 63) {
            result(u, se, m);
            return;
        }
        u.toInteger(u.rounding);
        fromMagnitude(u);
    }

    /** Packs the integer whose sign and magnitude are in {@code sign} and {@code hi}. */
    private static void fromMagnitude(FpUnit u) {
        if (u.hi == 0) {
            result(u, u.sign << 15, 0);
        } else {
            int shift = Long.numberOfLeadingZeros(u.hi);
            result(u, u.sign << 15 | 16383 + 63 - shift, u.hi << shift);
        }
    }

    // ---- conversions ----

    public static void fromSingle(FpUnit u, int bits) {
        u.a.load32(bits, false);
        fromLoaded(u, (bits & 0x7fffffL) << 40);
    }

    public static void fromDouble(FpUnit u, long bits) {
        u.a.load64(bits, false);
        fromLoaded(u, (bits & 0xfffffffffffffL) << 11);
    }

    private static void fromLoaded(FpUnit u, long fraction) {
        int sign = u.a.sign << 15;
        if (u.a.isNan()) {
            if (u.a.kind == Operand.SNAN) {
                u.flags |= FpUnit.IE;
            }
            result(u, sign | 0x7fff, Long.MIN_VALUE | QUIET | fraction);
        } else if (u.a.kind == Operand.INFINITE) {
            result(u, sign | 0x7fff, Long.MIN_VALUE);
        } else if (u.a.kind == Operand.ZERO) {
            result(u, sign, 0);
        } else {
            if (u.a.denormal) {
                u.flags |= FpUnit.DE;
            }
            result(u, sign | u.a.exp + 16383, u.a.mant);
        }
    }

    public static void fromInteger(FpUnit u, long value) {
        u.sign = value < 0 ? 1 : 0;
        u.hi = Math.abs(value);
        fromMagnitude(u);
    }

    public static long toSingle(FpUnit u, int se, long m) {
        loadA(u, se, m);
        if (u.a.kind < Operand.QNAN) {
            copy(u);
            return Ieee.pack32(u, u.a.kind);
        }
        if (nan(u, se, m) && u.a.kind == Operand.UNSUPPORTED) {
            return 0xffc00000L;
        }
        return (se & 0x8000L) << 16 | 0x7f800000L | u.mant << 1 >>> 41;
    }

    public static long toDouble(FpUnit u, int se, long m) {
        loadA(u, se, m);
        if (u.a.kind < Operand.QNAN) {
            copy(u);
            return Ieee.pack64(u, u.a.kind);
        }
        if (nan(u, se, m) && u.a.kind == Operand.UNSUPPORTED) {
            return 0xfff8000000000000L;
        }
        return (se & 0x8000L) << 48 | 0x7ff0000000000000L | u.mant << 1 >>> 12;
    }

    /** A two's complement integer of {@code bits} = 16, 32 or 64. */
    public static long toInteger(FpUnit u, int se, long m, int bits, boolean truncate) {
        loadA(u, se, m);
        return u.toSigned(bits, truncate ? FpUnit.TRUNCATE : u.rounding);
    }

    /**
     * The magnitude, rounded to an integer of at most 18 decimal digits, of what FBSTP stores; -1 with #I for others.
     */
    public static long toDecimal(FpUnit u, int se, long m) {
        loadA(u, se, m);
        if (u.a.kind <= Operand.FINITE
                && u.toInteger(u.rounding)
                && Long.compareUnsigned(u.hi, 999_999_999_999_999_999L) <= 0) {
            return u.hi;
        }
        u.roundedUp = false;
        u.flags = FpUnit.IE;
        return -1;
    }

    // ---- scaling and remainders ----

    /** FSCALE: a * 2^trunc(b). */
    public static void scale(FpUnit u, int seA, long a, int seB, long b) {
        loadA(u, seA, a);
        loadB(u, seB, b);
        if (nan(u, seA, a, seB, b)) {
            return;
        }
        if (u.b.kind == Operand.INFINITE) {
            scaleByInfinity(u, seA);
            return;
        }
        noteDenormals(u);
        if (stops(u)) {
            return;
        }
        if (u.a.kind != Operand.FINITE || u.b.kind == Operand.ZERO || u.b.exp < 0) {
            copy(u);
            pack(u, u.a.kind, 64);
            return;
        }
        int n = u.b.exp > 16 ? 1 << 17 : (int) (u.b.mant >>> 63 - u.b.exp);
        copy(u);
        u.exp += u.b.sign != 0 ? -n : n;
        if ((u.unmasked & FpUnit.OE) != 0 && u.exp - WRAP > 16383) {
            u.flags |= FpUnit.OE | FpUnit.PE;
            u.roundedUp = true;
            pack(u, Operand.INFINITE, 64);
        } else if ((u.unmasked & FpUnit.UE) != 0 && u.exp + WRAP < -16382) {
            u.flags |= FpUnit.UE | FpUnit.PE;
            pack(u, Operand.ZERO, 64);
        } else {
            pack(u, Operand.FINITE, 64);
        }
    }

    private static void scaleByInfinity(FpUnit u, int seA) {
        boolean down = u.b.sign != 0;
        if (u.a.kind == (down ? Operand.INFINITE : Operand.ZERO)) {
            invalid(u);
            return;
        }
        if (u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        result(u, down ? seA & 0x8000 : seA & 0x8000 | 0x7fff, down ? 0 : Long.MIN_VALUE);
    }

    /**
     * FXTRACT: the significand is left as the result, the exponent is returned in {@code hi} as an integer for
     * {@link #fromInteger}; true if a was finite and not zero. Otherwise the two results are equal but for a zero's and an
     * infinity's exponent, which {@code X87} supplies.
     */
    static boolean extract(FpUnit u, int se, long m) {
        loadA(u, se, m);
        if (nan(u, se, m)) {
            return false;
        }
        if (u.a.kind == Operand.ZERO) {
            u.flags |= FpUnit.ZE;
        } else if (u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        if (u.a.kind != Operand.FINITE) {
            result(u, se, m);
            return false;
        }
        result(u, u.a.sign << 15 | 16383, u.a.mant);
        return true;
    }

    /**
     * FPREM ({@code nearest} false) and FPREM1: the remainder of a by b, or a partial one.
     *
     * @return the quotient's low three bits, -1 if the reduction is incomplete, or {@link #NO_QUOTIENT} if there is none
     */
    public static int remainder(FpUnit u, int seA, long a, int seB, long b, boolean nearest) {
        loadA(u, seA, a);
        loadB(u, seB, b);
        if (nan(u, seA, a, seB, b)) {
            return NO_QUOTIENT;
        }
        if (u.a.kind == Operand.INFINITE || u.b.kind == Operand.ZERO) {
            invalid(u);
            return NO_QUOTIENT;
        }
        noteDenormals(u);
        if (stops(u)) {
            return NO_QUOTIENT;
        }
        if (u.a.kind == Operand.ZERO) {
            result(u, seA, a);
            return 0;
        }
        int distance = u.a.exp - u.b.exp;
        if (u.b.kind == Operand.INFINITE || distance < -1) {
            copy(u);
            pack(u, Operand.FINITE, 64);
            return 0;
        }
        int steps = distance < 64 ? distance : distance & 31 | 32;
        long quotient = reduce(u, steps);
        boolean complete = distance < 64;
        u.exp = complete ? Math.min(u.a.exp, u.b.exp) : u.a.exp - steps;
        u.sign = u.a.sign;
        if (complete && nearest) {
            quotient = nearest(u, quotient, distance);
        }
        u.lo = 0;
        if (u.hi == 0) {
            pack(u, Operand.ZERO, 64);
        } else {
            u.normalize();
            pack(u, Operand.FINITE, 64);
        }
        return complete ? (int) quotient & 7 : -1;
    }

    /** Long division of the significands in {@code steps + 1} quotient bits; the remainder goes to {@code hi}. */
    private static long reduce(FpUnit u, int steps) {
        long rest = u.a.mant;
        long divisor = u.b.mant;
        long quotient = 0;
        boolean carry = false;
        for (int i = 0; i <= steps; i++) {
            if (i != 0) {
                carry = rest < 0;
                rest <<= 1;
            }
            quotient <<= 1;
            if (carry || Long.compareUnsigned(rest, divisor) >= 0) {
                rest -= divisor;
                quotient |= 1;
            }
        }
        u.hi = rest;
        return quotient;
    }

    /** Turns the truncated quotient into the nearest one; the remainder may change its sign. */
    private static long nearest(FpUnit u, long quotient, int distance) {
        long rest = u.hi;
        long divisor = u.b.mant;
        if (distance < 0) {
            // a lies between a quarter of b and b; the quotient is 0 or 1: compare a with b/2, which share an exponent.
            if (Long.compareUnsigned(u.a.mant, divisor) <= 0) {
                return 0;
            }
            // b - a in units of a's last place: 2 * divisor - rest, which fits because rest exceeds the divisor.
            u.hi = divisor + (divisor - rest);
            u.sign ^= 1;
            return 1;
        }
        long other = divisor - rest;
        int order = Long.compareUnsigned(rest, other);
        if (order > 0 || (order == 0 && (quotient & 1) != 0)) {
            u.hi = other;
            u.sign ^= 1;
            return quotient + 1;
        }
        return quotient;
    }
}
