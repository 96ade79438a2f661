package nestbox.x86.fp;

/** ROUNDPS and its kin: floating-point values rounded to integral ones (SDM Vol. 2, "ROUNDPD", table of the rounding modes). */
public final class Rounding {
    /** Bit of the immediate: the mode is MXCSR's. */
    private static final int CURRENT = 4;
    /** Bit of the immediate: #P is not raised. */
    private static final int QUIET = 8;

    private Rounding() {}

    private static int mode(FpUnit u, int control) {
        return (control & CURRENT) != 0 ? u.rounding : control & 3;
    }

    /** Rounds the finite operand a; the magnitude is left in the unit's intermediate. Returns the result's class. */
    private static int toIntegral(FpUnit u, int control) {
        int before = u.flags;
        u.toInteger(mode(u, control));
        if ((control & QUIET) != 0) {
            u.flags = before;
        }
        if (u.hi == 0) {
            return Operand.ZERO;
        }
        u.lo = 0;
        u.exp = 63;
        u.normalize();
        return Operand.FINITE;
    }

    public static long real(FpUnit u, long a, int control) {
        u.a.load64(a, u.daz);
        if (u.a.isNan()) {
            u.flags |= u.a.kind == Operand.SNAN ? FpUnit.IE : 0;
            return a | 1L << 51;
        }
        if (u.a.kind == Operand.INFINITE || u.a.exp >= 52 && u.a.kind == Operand.FINITE) {
            return a;
        }
        return Ieee.pack64(u, toIntegral(u, control));
    }

    public static long single(FpUnit u, long a, int control) {
        u.a.load32((int) a, u.daz);
        if (u.a.isNan()) {
            u.flags |= u.a.kind == Operand.SNAN ? FpUnit.IE : 0;
            return a & 0xffffffffL | 1L << 22;
        }
        if (u.a.kind == Operand.INFINITE || u.a.exp >= 23 && u.a.kind == Operand.FINITE) {
            return a & 0xffffffffL;
        }
        return Ieee.pack32(u, toIntegral(u, control));
    }
}
