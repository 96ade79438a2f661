package nestbox.x86.fp;

/**
 * Operations of SSE on single and double precision: values are bit patterns, singles in the low half of a long. NaN rules
 * as SDM Vol. 1, "Operating on SNaNs and QNaNs": the first operand's NaN wins.
 */
public final class Ieee {
    private static final long DEFAULT64 = 0xfff8000000000000L;
    private static final long DEFAULT32 = 0xffc00000L;
    private static final long QUIET64 = 1L << 51;
    private static final long QUIET32 = 1L << 22;

    private static final int ADD = 0;
    private static final int SUB = 1;
    private static final int MUL = 2;
    private static final int DIV = 3;

    private Ieee() {}

    // ---- rounding and packing ----

    static long pack64(FpUnit u, int kind) {
        long sign = (long) u.sign << 63;
        switch (kind) {
            case Operand.ZERO:
                return sign;
            case Operand.INFINITE:
                return sign | 0x7ff0000000000000L;
            case Operand.FINITE:
                u.round(53, -1022, 1023, 1536);
                return u.hi >= 0 ? sign | u.hi >>> 11 : sign | (long) (u.exp + 1023) << 52 | u.hi << 1 >>> 12;
            default:
                return DEFAULT64;
        }
    }

    static long pack32(FpUnit u, int kind) {
        long sign = (long) u.sign << 31;
        switch (kind) {
            case Operand.ZERO:
                return sign;
            case Operand.INFINITE:
                return sign | 0x7f800000L;
            case Operand.FINITE:
                u.round(24, -126, 127, 192);
                return u.hi >= 0
                        ? sign | u.hi >>> 40
                        : (sign | (long) (u.exp + 127) << 23 | u.hi << 1 >>> 41) & 0xffffffffL;
            default:
                return DEFAULT32;
        }
    }

    private static long nan64(FpUnit u, long a, long b) {
        if (u.a.kind == Operand.SNAN || u.b.kind == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
        return (u.a.isNan() ? a : b) | QUIET64;
    }

    private static long nan32(FpUnit u, long a, long b) {
        if (u.a.kind == Operand.SNAN || u.b.kind == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
        return (u.a.isNan() ? a : b) & 0xffffffffL | QUIET32;
    }

    private static void noteDenormals(FpUnit u) {
        if (u.a.denormal || u.b.denormal) {
            u.flags |= FpUnit.DE;
        }
    }

    private static int arithmetic(FpUnit u, int op) {
        // Elements before this one may have raised the same exceptions.
        int before = u.flags;
        u.flags = 0;
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
        u.flags |= before;
        return kind;
    }

    private static long slow64(FpUnit u, int op, long a, long b) {
        u.a.load64(a, u.daz);
        u.b.load64(b, u.daz);
        if (u.a.isNan() || u.b.isNan()) {
            return nan64(u, a, b);
        }
        return pack64(u, arithmetic(u, op));
    }

    private static long slow32(FpUnit u, int op, long a, long b) {
        u.a.load32((int) a, u.daz);
        u.b.load32((int) b, u.daz);
        if (u.a.isNan() || u.b.isNan()) {
            return nan32(u, a, b);
        }
        return pack32(u, arithmetic(u, op));
    }

    // ---- double precision ----

    /** Whether the exponents are those of normal numbers: neither zero, denormal, infinite nor NaN. */
    private static boolean normal64(long a, long b) {
        return normal64(a) && normal64(b);
    }

    private static boolean normal64(long a) {
        return ((a >>> 52 & 0x7ff) - 1 & 0x7ff) < 0x7fe;
    }

    /** Whether {@code r} is far enough from overflow and underflow for plain arithmetic to have no other flag than #P. */
    private static boolean moderate64(long r) {
        long e = r >>> 52 & 0x7ff;
        return e > 1 && e < 0x7ff;
    }

    private static long odd64(long a) {
        long m = a & 0xfffffffffffffL | 0x10000000000000L;
        return m >>> Long.numberOfTrailingZeros(m);
    }

    private static boolean isProduct64(long r, long a, long b) {
        long x = odd64(a);
        long y = odd64(b);
        return Math.multiplyHigh(x, y) == 0 && x * y == odd64(r);
    }

    private static void inexact(FpUnit u, boolean exact) {
        if (!exact) {
            u.flags |= FpUnit.PE;
        }
    }

    private static long sum64(FpUnit u, int op, long a, long b, double y) {
        double x = Double.longBitsToDouble(a);
        double r = x + y;
        long bits = Double.doubleToRawLongBits(r);
        if (!moderate64(bits)) {
            return slow64(u, op, a, b);
        }
        if (!u.inexactKnown) {
            double back = r - x;
            inexact(u, (x - (r - back)) + (y - back) == 0);
        }
        return bits;
    }

    public static long add64(FpUnit u, long a, long b) {
        return u.plain && normal64(a, b) ? sum64(u, ADD, a, b, Double.longBitsToDouble(b)) : slow64(u, ADD, a, b);
    }

    public static long sub64(FpUnit u, long a, long b) {
        return u.plain && normal64(a, b) ? sum64(u, SUB, a, b, -Double.longBitsToDouble(b)) : slow64(u, SUB, a, b);
    }

    public static long mul64(FpUnit u, long a, long b) {
        if (u.plain && normal64(a, b)) {
            long r = Double.doubleToRawLongBits(Double.longBitsToDouble(a) * Double.longBitsToDouble(b));
            if (moderate64(r)) {
                if (!u.inexactKnown) {
                    inexact(u, isProduct64(r, a, b));
                }
                return r;
            }
        }
        return slow64(u, MUL, a, b);
    }

    public static long div64(FpUnit u, long a, long b) {
        if (u.plain && normal64(a, b)) {
            long r = Double.doubleToRawLongBits(Double.longBitsToDouble(a) / Double.longBitsToDouble(b));
            if (moderate64(r)) {
                if (!u.inexactKnown) {
                    inexact(u, isProduct64(a, r, b));
                }
                return r;
            }
        }
        return slow64(u, DIV, a, b);
    }

    public static long sqrt64(FpUnit u, long a) {
        if (u.plain && a >= 0 && normal64(a)) {
            long r = Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(a)));
            if (!u.inexactKnown) {
                inexact(u, isProduct64(a, r, r));
            }
            return r;
        }
        u.a.load64(a, u.daz);
        return u.a.isNan() ? quieted64(u, a) : pack64(u, root(u));
    }

    private static int root(FpUnit u) {
        int kind = u.sqrt();
        if (kind == Operand.FINITE && u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        return kind;
    }

    private static long quieted64(FpUnit u, long a) {
        if (u.a.kind == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
        return a | QUIET64;
    }

    private static long quieted32(FpUnit u, long a) {
        if (u.a.kind == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
        return a & 0xffffffffL | QUIET32;
    }

    // ---- single precision ----

    private static boolean normal32(long a) {
        return ((a >>> 23 & 0xff) - 1 & 0xff) < 0xfe;
    }

    private static boolean normal32(long a, long b) {
        return normal32(a) && normal32(b);
    }

    private static boolean moderate32(int r) {
        int e = r >>> 23 & 0xff;
        return e > 1 && e < 0xff;
    }

    private static float single(long a) {
        return Float.intBitsToFloat((int) a);
    }

    private static long sum32(FpUnit u, int op, long a, long b, float y) {
        float x = single(a);
        float r = x + y;
        int bits = Float.floatToRawIntBits(r);
        if (!moderate32(bits)) {
            return slow32(u, op, a, b);
        }
        if (!u.inexactKnown) {
            float back = r - x;
            inexact(u, (x - (r - back)) + (y - back) == 0);
        }
        return bits & 0xffffffffL;
    }

    public static long add32(FpUnit u, long a, long b) {
        return u.plain && normal32(a, b) ? sum32(u, ADD, a, b, single(b)) : slow32(u, ADD, a, b);
    }

    public static long sub32(FpUnit u, long a, long b) {
        return u.plain && normal32(a, b) ? sum32(u, SUB, a, b, -single(b)) : slow32(u, SUB, a, b);
    }

    public static long mul32(FpUnit u, long a, long b) {
        if (u.plain && normal32(a, b)) {
            float r = single(a) * single(b);
            int bits = Float.floatToRawIntBits(r);
            if (moderate32(bits)) {
                inexact(u, u.inexactKnown || (double) single(a) * single(b) == r);
                return bits & 0xffffffffL;
            }
        }
        return slow32(u, MUL, a, b);
    }

    public static long div32(FpUnit u, long a, long b) {
        if (u.plain && normal32(a, b)) {
            float r = single(a) / single(b);
            int bits = Float.floatToRawIntBits(r);
            if (moderate32(bits)) {
                inexact(u, u.inexactKnown || (double) r * single(b) == single(a));
                return bits & 0xffffffffL;
            }
        }
        return slow32(u, DIV, a, b);
    }

    public static long sqrt32(FpUnit u, long a) {
        u.a.load32((int) a, u.daz);
        return u.a.isNan() ? quieted32(u, a) : pack32(u, root(u));
    }

    // ---- minimum, maximum, comparison ----

    /** -1, 0, 1, or 2 for unordered; #I for an SNaN, and for a QNaN if {@code signalling}. */
    public static int compare64(FpUnit u, long a, long b, boolean signalling) {
        u.a.load64(a, u.daz);
        u.b.load64(b, u.daz);
        return compare(u, signalling);
    }

    public static int compare32(FpUnit u, long a, long b, boolean signalling) {
        u.a.load32((int) a, u.daz);
        u.b.load32((int) b, u.daz);
        return compare(u, signalling);
    }

    private static int compare(FpUnit u, boolean signalling) {
        if (u.a.isNan() || u.b.isNan()) {
            if (signalling || u.a.kind == Operand.SNAN || u.b.kind == Operand.SNAN) {
                u.flags |= FpUnit.IE;
            }
            return 2;
        }
        noteDenormals(u);
        return Integer.signum(u.compare());
    }

    public static long min64(FpUnit u, long a, long b) {
        return compare64(u, a, b, true) == -1 ? flushed64(u, a) : flushed64(u, b);
    }

    public static long max64(FpUnit u, long a, long b) {
        return compare64(u, a, b, true) == 1 ? flushed64(u, a) : flushed64(u, b);
    }

    public static long min32(FpUnit u, long a, long b) {
        return compare32(u, a, b, true) == -1 ? flushed32(u, a) : flushed32(u, b);
    }

    public static long max32(FpUnit u, long a, long b) {
        return compare32(u, a, b, true) == 1 ? flushed32(u, a) : flushed32(u, b);
    }

    private static long flushed64(FpUnit u, long a) {
        return u.daz && (a & 0x7ff0000000000000L) == 0 ? a & Long.MIN_VALUE : a;
    }

    private static long flushed32(FpUnit u, long a) {
        return (u.daz && (a & 0x7f800000L) == 0 ? a & 0x80000000L : a) & 0xffffffffL;
    }

    /** Whether predicate {@code p} (0 to 7 of CMPPS, 0 to 31 of VCMPPS and their kin) holds. */
    public static boolean cmp64(FpUnit u, long a, long b, int p) {
        return holds(compare64(u, a, b, signals(p)), p);
    }

    public static boolean cmp32(FpUnit u, long a, long b, int p) {
        return holds(compare32(u, a, b, signals(p)), p);
    }

    private static boolean signals(int p) {
        return ((p & 3) == 1 || (p & 3) == 2) ^ (p & 16) != 0;
    }

    /** For predicates 0 to 15 the relations that satisfy them: bit 0 less, 1 equal, 2 greater, 3 unordered. */
    private static final long RELATIONS = 0xF465_0B9A_7CED_8312L;

    private static boolean holds(int order, int p) {
        return (RELATIONS >>> 4 * (p & 15) + order + 1 & 1) != 0;
    }

    // ---- conversions ----

    public static long widen(FpUnit u, long a) {
        u.a.load32((int) a, u.daz);
        if (u.a.isNan()) {
            quieted32(u, a);
            return (a & 0x80000000L) << 32 | 0x7ff8000000000000L | (a & 0x7fffffL) << 29;
        }
        if (u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        return pack64(u, copy(u));
    }

    public static long narrow(FpUnit u, long a) {
        u.a.load64(a, u.daz);
        if (u.a.isNan()) {
            quieted64(u, a);
            return a >>> 32 & 0x80000000L | 0x7fc00000L | a >>> 29 & 0x7fffffL;
        }
        if (u.a.denormal) {
            u.flags |= FpUnit.DE;
        }
        return pack32(u, copy(u));
    }

    private static int copy(FpUnit u) {
        u.sign = u.a.sign;
        u.exp = u.a.exp;
        u.hi = u.a.mant;
        u.lo = 0;
        return u.a.kind;
    }

    public static long fromInteger64(FpUnit u, long value) {
        u.a.loadInteger(value);
        return pack64(u, copy(u));
    }

    public static long fromInteger32(FpUnit u, long value) {
        u.a.loadInteger(value);
        return pack32(u, copy(u));
    }

    /** A double as an integer of 32 or 64 bits, in the low bits of the result. */
    public static long toInteger64(FpUnit u, long a, int bits, boolean truncate) {
        u.a.load64(a, u.daz);
        return u.toSigned(bits, truncate ? FpUnit.TRUNCATE : u.rounding);
    }

    /** A single as an integer of 32 or 64 bits, in the low bits of the result. */
    public static long toInteger32(FpUnit u, long a, int bits, boolean truncate) {
        u.a.load32((int) a, u.daz);
        return u.toSigned(bits, truncate ? FpUnit.TRUNCATE : u.rounding);
    }
}
