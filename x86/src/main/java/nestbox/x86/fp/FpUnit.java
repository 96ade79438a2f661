package nestbox.x86.fp;

/**
 * The arithmetic core behind x87 and SSE: operands of any format go in unpacked, an exact (or sticky) 128-bit intermediate
 * comes out, and {@link #round} brings it to a format with the exceptions of IEEE 754 as SDM Vol. 1, "Floating-Point
 * Exceptions" has them. One per processor; it holds only the modes of the running instruction and scratch values, never
 * state that outlives an instruction.
 */
public final class FpUnit {
    public static final int IE = 1;
    public static final int DE = 1 << 1;
    public static final int ZE = 1 << 2;
    public static final int OE = 1 << 3;
    public static final int UE = 1 << 4;
    public static final int PE = 1 << 5;
    /** Exceptions found before the computation: unmasked, they keep operands and later flags as they are. */
    public static final int BEFORE = IE | DE | ZE;

    public static final int NEAREST = 0;
    public static final int DOWN = 1;
    public static final int UP = 2;
    public static final int TRUNCATE = 3;

    /** Exceptions raised since the instruction began. */
    public int flags;
    /** Rounding mode as in MXCSR.RC and FCW.RC. */
    public int rounding;
    /** Exceptions whose unmasked response applies. */
    public int unmasked;
    /** Denormal operands are zeros. */
    public boolean daz;
    /** Tiny results become zero. */
    public boolean flush;
    /** Round to nearest with #P masked: plain Java arithmetic may give normal results. */
    boolean plain;
    /** #P is already known to be flagged, so that nobody needs to find out whether a result is exact. */
    boolean inexactKnown;

    /** The last rounding increased the magnitude (x87's C1). */
    public boolean roundedUp;

    /** Result of an operation of the 80-bit format: sign and exponent. */
    public int se;
    /** Result of an operation of the 80-bit format: significand. */
    public long mant;

    final Operand a = new Operand();
    final Operand b = new Operand();
    /** The addend of a fused operation. */
    final Operand c = new Operand();

    /** The intermediate: {@code (-1)^sign * (hi:lo)/2^127 * 2^exp}, normalized; bit 0 of {@code lo} is sticky. */
    int sign;

    int exp;
    long hi;
    long lo;

    private long remainder;

    /** Takes the modes of an SSE instruction from MXCSR and forgets earlier flags. */
    public void beginSse(int mxcsr) {
        flags = 0;
        rounding = mxcsr >>> 13 & 3;
        unmasked = ~(mxcsr >>> 7) & 0x3f;
        daz = (mxcsr & 1 << 6) != 0;
        flush = (mxcsr & 1 << 15) != 0;
        plain = (mxcsr & (3 << 13 | 1 << 12)) == 1 << 12;
        inexactKnown = (mxcsr & PE) != 0;
    }

    /** Takes the modes of an x87 instruction from its control word and forgets earlier flags. */
    public void beginX87(int control) {
        flags = 0;
        rounding = control >>> 10 & 3;
        unmasked = ~control & 0x3f;
        daz = false;
        flush = false;
        plain = false;
        roundedUp = false;
    }

    static long multiplyHigh(long x, long y) {
        return Math.multiplyHigh(x, y) + (x >> 63 & y) + (y >> 63 & x);
    }

    /** Quotient of {@code nh:nl} by {@code d} (bit 63 set, {@code nh} less than {@code d}); leaves {@link #remainder}. */
    private long divide(long nh, long nl, long d) {
        long dh = d >>> 32;
        long dl = d & 0xffffffffL;
        long high = digit(nh, nl >>> 32, dh, dl, d);
        long rest = (nh << 32 | nl >>> 32) - high * d;
        long low = digit(rest, nl & 0xffffffffL, dh, dl, d);
        remainder = (rest << 32 | nl & 0xffffffffL) - low * d;
        return high << 32 | low;
    }

    /** One 32-bit quotient digit of {@code n:next} by {@code d} (Knuth, algorithm D). */
    private static long digit(long n, long next, long dh, long dl, long d) {
        long q = Long.divideUnsigned(n, dh);
        long r = n - q * dh;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * dl, r << 32 | next) > 0) {
            q--;
            r += dh;
            if (r >>> 32 != 0) {
                break;
            }
        }
        return q;
    }

    int invalid() {
        flags |= IE;
        return Operand.QNAN;
    }

    private int finite(Operand x, int s) {
        sign = s;
        exp = x.exp;
        hi = x.mant;
        lo = 0;
        return x.kind;
    }

    /** a + b or a - b of operands that are no NaNs. All operations return the result's class as in {@link Operand}. */
    int add(boolean subtract) {
        int signB = b.sign ^ (subtract ? 1 : 0);
        if (a.kind == Operand.INFINITE) {
            return b.kind == Operand.INFINITE && a.sign != signB ? invalid() : finite(a, a.sign);
        }
        if (b.kind == Operand.INFINITE || (a.kind == Operand.ZERO && b.kind != Operand.ZERO)) {
            return finite(b, signB);
        }
        if (b.kind == Operand.ZERO) {
            return finite(a, a.kind == Operand.ZERO && a.sign != signB ? zeroSign() : a.sign);
        }
        return a.sign == signB ? addMagnitudes() : subtractMagnitudes(signB);
    }

    private int zeroSign() {
        return rounding == DOWN ? 1 : 0;
    }

    private int addMagnitudes() {
        Operand large = a.exp >= b.exp ? a : b;
        Operand small = large == a ? b : a;
        align(small.mant, large.exp - small.exp);
        sign = a.sign;
        exp = large.exp;
        hi += large.mant;
        if (Long.compareUnsigned(hi, large.mant) < 0) {
            lo = lo >>> 1 | lo & 1 | hi << 63;
            hi = hi >>> 1 | Long.MIN_VALUE;
            exp++;
        }
        return Operand.FINITE;
    }

    private int subtractMagnitudes(int signB) {
        boolean aLarger = a.exp != b.exp ? a.exp > b.exp : Long.compareUnsigned(a.mant, b.mant) >= 0;
        Operand large = aLarger ? a : b;
        Operand small = aLarger ? b : a;
        align(small.mant, large.exp - small.exp);
        long borrow = lo != 0 ? 1 : 0;
        lo = -lo;
        hi = large.mant - hi - borrow;
        exp = large.exp;
        sign = aLarger ? a.sign : signB;
        if ((hi | lo) == 0) {
            sign = zeroSign();
            return Operand.ZERO;
        }
        normalize();
        return Operand.FINITE;
    }

    void normalize() {
        if (hi == 0) {
            hi = lo;
            lo = 0;
            exp -= 64;
        }
        int shift = Long.numberOfLeadingZeros(hi);
        if (shift != 0) {
            hi = hi << shift | lo >>> 64 - shift;
            lo <<= shift;
            exp -= shift;
        }
    }

    private void align(long m, int shift) {
        hi = m;
        lo = 0;
        shiftRight(shift);
    }

    /** Shifts hi:lo right, keeping what falls out as sticky. */
    private void shiftRight(int shift) {
        if (shift == 0) {
            return;
        }
        long lost;
        if (shift < 64) {
            lost = lo << 64 - shift;
            lo = hi << 64 - shift | lo >>> shift;
            hi >>>= shift;
        } else if (shift < 128) {
            lost = lo | (shift == 64 ? 0 : hi << 128 - shift);
            lo = hi >>> shift - 64;
            hi = 0;
        } else {
            lost = hi | lo;
            hi = 0;
            lo = 0;
        }
        lo |= lost != 0 ? 1 : 0;
    }

    /** Adds the finite operand c, whose sign becomes {@code signC}, to the intermediate, which is normalized and not 0. */
    int addToProduct(int signC) {
        boolean larger = exp != c.exp ? exp > c.exp : Long.compareUnsigned(hi, c.mant) >= 0;
        long high = larger ? hi : c.mant;
        long low = larger ? lo : 0;
        int exponent = larger ? exp : c.exp;
        int difference = Math.abs(exp - c.exp);
        if (larger) {
            align(c.mant, difference);
        } else {
            shiftRight(difference);
        }
        exp = exponent;
        if (sign == signC) {
            long sum = low + lo;
            long carry = Long.compareUnsigned(sum, low) < 0 ? 1 : 0;
            long top = high + hi + carry;
            boolean overflow = Long.compareUnsigned(top, high) < 0 || (carry != 0 && top == high);
            hi = top;
            lo = sum;
            if (overflow) {
                lo = lo >>> 1 | lo & 1 | hi << 63;
                hi = hi >>> 1 | Long.MIN_VALUE;
                exp++;
            }
            return Operand.FINITE;
        }
        sign = larger ? sign : signC;
        long borrow = Long.compareUnsigned(low, lo) < 0 ? 1 : 0;
        lo = low - lo;
        hi = high - hi - borrow;
        if ((hi | lo) == 0) {
            sign = zeroSign();
            return Operand.ZERO;
        }
        normalize();
        return Operand.FINITE;
    }

    int mul() {
        sign = a.sign ^ b.sign;
        if (a.kind == Operand.INFINITE || b.kind == Operand.INFINITE) {
            return a.kind == Operand.ZERO || b.kind == Operand.ZERO ? invalid() : Operand.INFINITE;
        }
        if (a.kind == Operand.ZERO || b.kind == Operand.ZERO) {
            return Operand.ZERO;
        }
        hi = multiplyHigh(a.mant, b.mant);
        lo = a.mant * b.mant;
        exp = a.exp + b.exp + 1;
        if (hi >= 0) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            exp--;
        }
        return Operand.FINITE;
    }

    int div() {
        sign = a.sign ^ b.sign;
        if (a.kind == Operand.INFINITE) {
            return b.kind == Operand.INFINITE ? invalid() : Operand.INFINITE;
        }
        if (b.kind == Operand.INFINITE) {
            return Operand.ZERO;
        }
        if (b.kind == Operand.ZERO) {
            if (a.kind == Operand.ZERO) {
                return invalid();
            }
            flags |= ZE;
            return Operand.INFINITE;
        }
        if (a.kind == Operand.ZERO) {
            return Operand.ZERO;
        }
        exp = a.exp - b.exp;
        if (Long.compareUnsigned(a.mant, b.mant) >= 0) {
            hi = divide(a.mant >>> 1, a.mant << 63, b.mant);
        } else {
            hi = divide(a.mant, 0, b.mant);
            exp--;
        }
        lo = divide(remainder, 0, b.mant);
        lo |= remainder != 0 ? 1 : 0;
        return Operand.FINITE;
    }

    /** Square root of a. */
    int sqrt() {
        sign = a.sign;
        if (a.kind == Operand.ZERO) {
            return Operand.ZERO;
        }
        if (a.sign != 0) {
            return invalid();
        }
        if (a.kind == Operand.INFINITE) {
            return Operand.INFINITE;
        }
        boolean odd = (a.exp & 1) != 0;
        long rh = odd ? a.mant : a.mant >>> 1;
        long rl = odd ? 0 : a.mant << 63;
        exp = a.exp >> 1;
        long root = root(rh, rl);
        long squareLow = root * root;
        long restHigh = rh - multiplyHigh(root, root) - (Long.compareUnsigned(rl, squareLow) < 0 ? 1 : 0);
        long rest = rl - squareLow;
        hi = root;
        // The remainder exceeds the root exactly when the fraction exceeds a half, which it never equals.
        lo = (restHigh | rest) == 0 ? 0 : restHigh != 0 || Long.compareUnsigned(rest, root) > 0 ? 3L << 62 : 1L << 62;
        return Operand.FINITE;
    }

    /** Integer square root of {@code rh:rl}, whose highest two bits are not both 0. */
    private long root(long rh, long rl) {
        // An estimate from above, off by less than 2^15; one Newton step leaves it at most one too high.
        double estimate = Math.sqrt((rh >>> 11) * 0x1p11 + 0x1p11) * 0x1p32;
        long guess = estimate >= 0x1p64 ? -1L : (long) (estimate - 0x1p63) + Long.MIN_VALUE + (1 << 12);
        if (guess >= 0) {
            guess = -1L;
        }
        if (Long.compareUnsigned(rh, guess) >= 0) {
            return guess;
        }
        long quotient = divide(rh, rl, guess);
        long root = Long.compareUnsigned(quotient, guess) >= 0 ? guess : quotient + (guess - quotient >>> 1);
        while (exceeds(root, rh, rl)) {
            root--;
        }
        return root;
    }

    private static boolean exceeds(long root, long rh, long rl) {
        int high = Long.compareUnsigned(multiplyHigh(root, root), rh);
        return high > 0 || (high == 0 && Long.compareUnsigned(root * root, rl) > 0);
    }

    /**
     * Compares a with b, neither a NaN: negative, 0 or positive. Zeros are equal.
     */
    int compare() {
        if (a.kind == Operand.ZERO && b.kind == Operand.ZERO) {
            return 0;
        }
        if (a.kind == Operand.ZERO) {
            return b.sign != 0 ? 1 : -1;
        }
        if (b.kind == Operand.ZERO || a.sign != b.sign) {
            return a.sign != 0 ? -1 : 1;
        }
        int magnitude;
        if (a.kind == Operand.INFINITE || b.kind == Operand.INFINITE) {
            magnitude = a.kind - b.kind;
        } else {
            magnitude = a.exp != b.exp ? Integer.compare(a.exp, b.exp) : Long.compareUnsigned(a.mant, b.mant);
        }
        return a.sign != 0 ? -magnitude : magnitude;
    }

    private boolean increments(long fraction, boolean odd, int mode) {
        if (fraction == 0) {
            return false;
        }
        switch (mode) {
            case NEAREST:
                return fraction < 0 && (fraction != Long.MIN_VALUE || odd);
            case DOWN:
                return sign != 0;
            case UP:
                return sign == 0;
            default:
                return false;
        }
    }

    /** What lies below the {@code precision} highest bits of hi:lo, left-aligned, with sticky bits. */
    private long fraction(int precision) {
        return precision == 64 ? lo : hi << precision | (lo != 0 ? 1 : 0);
    }

    /** Rounds hi:lo to its {@code precision} highest bits; true if that was inexact. */
    private boolean roundSignificand(int precision) {
        long fraction = fraction(precision);
        long unit = 1L << 64 - precision;
        roundedUp = increments(fraction, (hi & unit) != 0, rounding);
        hi &= -unit;
        lo = 0;
        if (roundedUp) {
            hi += unit;
            if (hi == 0) {
                hi = Long.MIN_VALUE;
                exp++;
            }
        }
        return fraction != 0;
    }

    private boolean roundsToNextPower(int precision) {
        long unit = 1L << 64 - precision;
        return (hi | unit - 1) == -1L && increments(fraction(precision), true, rounding);
    }

    /**
     * Rounds the intermediate to {@code precision} bits and the exponents {@code min} to {@code max}; a denormal result has
     * bit 63 of {@code hi} clear and exponent {@code min}, infinity exponent {@code max + 1}. Tininess is detected after
     * rounding.
     *
     * @param wrap what an unmasked overflow or underflow moves the exponent by
     */
    void round(int precision, int min, int max, int wrap) {
        if (exp < min && !(exp == min - 1 && roundsToNextPower(precision))) {
            if ((unmasked & UE) != 0) {
                flags |= UE;
                exp += wrap;
            } else if (flush) {
                flags |= UE | PE;
                hi = 0;
                lo = 0;
                exp = min;
                return;
            } else {
                shiftRight(min - exp);
                exp = min;
                if (roundSignificand(precision)) {
                    flags |= UE | PE;
                }
                return;
            }
        }
        boolean inexact = roundSignificand(precision);
        if (exp > max) {
            flags |= OE;
            if ((unmasked & OE) != 0) {
                exp -= wrap;
            } else {
                inexact = true;
                overflow(precision, max);
            }
        }
        if (inexact) {
            flags |= PE;
        }
    }

    private void overflow(int precision, int max) {
        boolean infinity = rounding == NEAREST || rounding == (sign != 0 ? DOWN : UP);
        roundedUp = infinity;
        exp = infinity ? max + 1 : max;
        hi = infinity ? Long.MIN_VALUE : -(1L << 64 - precision);
    }

    /**
     * Rounds the finite operand a to an integer: its magnitude to {@code hi}, and {@link #PE} to the flags if it was none.
     *
     * @return false, with nothing flagged, if the magnitude exceeds 64 bits
     */
    boolean toInteger(int mode) {
        sign = a.sign;
        roundedUp = false;
        if (a.kind == Operand.ZERO) {
            hi = 0;
            return true;
        }
        if (a.exp > 63) {
            return false;
        }
        long fraction;
        if (a.exp < 0) {
            hi = 0;
            fraction = a.exp == -1 ? a.mant : 1;
        } else {
            int shift = 63 - a.exp;
            hi = a.mant >>> shift;
            fraction = shift == 0 ? 0 : a.mant << 64 - shift;
        }
        roundedUp = increments(fraction, (hi & 1) != 0, mode);
        if (roundedUp) {
            hi++;
        }
        if (fraction != 0) {
            flags |= PE;
        }
        return true;
    }

    /**
     * The operand a as a two's complement integer of {@code bits}; NaNs and what does not fit give the integer indefinite
     * with #I.
     */
    long toSigned(int bits, int mode) {
        long indefinite = -1L << bits - 1;
        int before = flags;
        if (a.kind <= Operand.FINITE && toInteger(mode)) {
            long limit = 1L << bits - 1;
            if (Long.compareUnsigned(hi, limit) < 0 || (sign != 0 && hi == limit)) {
                return sign != 0 ? -hi : hi;
            }
        }
        roundedUp = false;
        flags = before | IE;
        return indefinite;
    }
}
