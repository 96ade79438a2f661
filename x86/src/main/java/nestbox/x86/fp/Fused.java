package nestbox.x86.fp;

/**
 * Multiplication and addition with one rounding (SDM Vol. 1, "Fused-Multiply-ADD (FMA) Numeric Behavior"). The product of two
 * singles or doubles has at most 106 bits, so that the unit's 128-bit intermediate holds it exactly.
 */
public final class Fused {
    /** The product is negated. */
    public static final int NEGATE_PRODUCT = 1;
    /** The addend is subtracted. */
    public static final int SUBTRACT = 2;

    private static final long DEFAULT64 = 0xfff8000000000000L;
    private static final long DEFAULT32 = 0xffc00000L;

    private Fused() {}

    /** a * b + c with the signs that {@code kind} says. */
    public static long real(FpUnit u, long a, long b, long c, int kind) {
        u.c.load64(c, u.daz);
        u.a.load64(a, u.daz);
        u.b.load64(b, u.daz);
        if (u.a.isNan() || u.b.isNan() || u.c.isNan()) {
            signal(u);
            return (u.a.isNan() ? a : u.b.isNan() ? b : c) | 1L << 51;
        }
        int result = compute(u, kind);
        return result > Operand.INFINITE ? DEFAULT64 : Ieee.pack64(u, result);
    }

    public static long single(FpUnit u, long a, long b, long c, int kind) {
        u.c.load32((int) c, u.daz);
        u.a.load32((int) a, u.daz);
        u.b.load32((int) b, u.daz);
        if (u.a.isNan() || u.b.isNan() || u.c.isNan()) {
            signal(u);
            return ((u.a.isNan() ? a : u.b.isNan() ? b : c) | 1L << 22) & 0xffffffffL;
        }
        int result = compute(u, kind);
        return result > Operand.INFINITE ? DEFAULT32 : Ieee.pack32(u, result);
    }

    private static void signal(FpUnit u) {
        if (u.a.kind == Operand.SNAN || u.b.kind == Operand.SNAN || u.c.kind == Operand.SNAN) {
            u.flags |= FpUnit.IE;
        }
    }

    private static int compute(FpUnit u, int kind) {
        int before = u.flags;
        u.flags = 0;
        int result = sum(u, kind);
        if ((u.flags & FpUnit.IE) == 0 && (u.a.denormal || u.b.denormal || u.c.denormal)) {
            u.flags |= FpUnit.DE;
        }
        u.flags |= before;
        return result;
    }

    private static int sum(FpUnit u, int kind) {
        int product = u.mul();
        if (product > Operand.INFINITE) {
            return product;
        }
        int sign = u.sign ^ kind & NEGATE_PRODUCT;
        int addendSign = u.c.sign ^ (kind & SUBTRACT) >> 1;
        if (product == Operand.INFINITE || u.c.kind == Operand.INFINITE) {
            if (product == u.c.kind && sign != addendSign) {
                return u.invalid();
            }
            u.sign = product == Operand.INFINITE ? sign : addendSign;
            return Operand.INFINITE;
        }
        if (product == Operand.ZERO) {
            boolean cancels = u.c.kind == Operand.ZERO && sign != addendSign;
            u.sign = cancels ? u.rounding == FpUnit.DOWN ? 1 : 0 : addendSign;
            u.exp = u.c.exp;
            u.hi = u.c.mant;
            u.lo = 0;
            return u.c.kind;
        }
        u.sign = sign;
        return u.c.kind == Operand.ZERO ? Operand.FINITE : u.addToProduct(addendSign);
    }
}
