package nestbox.x86.fp;

import java.math.BigInteger;

/**
 * The transcendental instructions, computed with 128-bit significands, so that a result is the exact one rounded but for
 * cases closer to a tie than about 2^-110 (SDM Vol. 1, "Transcendental Instruction Accuracy" asks for 1 ulp). Arguments
 * of the trigonometric ones are reduced with the 66-bit value of pi that x87s use ("Approximation of Pi").
 */
final class Transcendental {
    static final int SIN = 0;
    static final int COS = 1;
    static final int SINCOS = 2;
    static final int TAN = 3;

    static final int YL2X = 0;
    static final int YL2XP1 = 1;
    static final int PATAN = 2;

    private static final int TERMS = 40;
    private static final Wide ONE = new Wide(0, Long.MIN_VALUE, 0);
    private static final Wide LN2 = new Wide(-1, 0xb17217f7d1cf79abL, 0xc9e3b39803f2f6afL);
    /** log2(e). */
    private static final Wide LOG2E = new Wide(0, 0xb8aa3b295c17f0bbL, 0xbe87fed0691d3e88L);

    private static final Wide PI = new Wide(1, 0xc90fdaa22168c234L, 0xc4c6628b80dc1cd1L);
    private static final Wide HALF_PI = new Wide(0, 0xc90fdaa22168c234L, 0xc4c6628b80dc1cd1L);
    /** The significand of sqrt(2), which splits the arguments of logarithms. */
    private static final long SQRT2 = 0xb504f333f9de6484L;
    /** 66-bit pi/2 in units of 2^-67: its two words. */
    private static final long PI66_HIGH = 0xc;

    private static final long PI66_LOW = 0x90fdaa22168c234cL;

    /** 1/n. */
    private static final Wide[] RECIPROCAL = reciprocals();
    /** atan(n/16). */
    private static final Wide[] ARCTANGENT = arctangents();

    private final FpUnit unit;
    private final Wide x = new Wide();
    private final Wide y = new Wide();
    private final Wide t = new Wide();
    private final Wide square = new Wide();
    private final Wide sum = new Wide();
    private final Wide other = new Wide();

    /** The result that FSINCOS and FPTAN push. */
    int secondSe;

    long secondMant;

    Transcendental(FpUnit unit) {
        this.unit = unit;
    }

    private static Wide[] reciprocals() {
        Wide[] table = new Wide[2 * TERMS + 2];
        for (int n = 1; n < table.length; n++) {
            table[n] = Wide.ratio(BigInteger.ONE, BigInteger.valueOf(n));
        }
        return table;
    }

    private static Wide[] arctangents() {
        Wide[] table = new Wide[17];
        table[0] = new Wide();
        BigInteger one = BigInteger.ONE.shiftLeft(200);
        for (int n = 1; n <= 16; n++) {
            // Euler: atan(z) = sum of products 2k z^2 / ((2k + 1)(1 + z^2)), starting with z / (1 + z^2); z = n/16.
            BigInteger numerator = BigInteger.valueOf(n * n);
            BigInteger denominator = BigInteger.valueOf(256 + n * n);
            BigInteger term = one.multiply(BigInteger.valueOf(16 * n)).divide(denominator);
            BigInteger total = BigInteger.ZERO;
            for (int k = 1; term.signum() != 0; k++) {
                total = total.add(term);
                term = term.multiply(numerator)
                        .multiply(BigInteger.valueOf(2 * k))
                        .divide(denominator.multiply(BigInteger.valueOf(2 * k + 1)));
            }
            table[n] = Wide.ratio(total, one);
        }
        return table;
    }

    /** Rounds {@code w}, known to be inexact, into the unit's result. */
    private void finish(Wide w, boolean exact) {
        unit.sign = w.sign;
        unit.exp = w.exp;
        unit.hi = w.hi;
        unit.lo = exact ? w.lo : w.lo | 1;
        Extended.pack(unit, w.isZero() ? Operand.ZERO : Operand.FINITE, 64);
    }

    private void constant(int sign, Wide value, int power) {
        sum.set(value);
        sum.sign = sign;
        sum.scale(power);
        finish(sum, value == ONE);
    }

    private void zero(int sign) {
        Extended.result(unit, sign << 15, 0);
    }

    private void infinity(int sign) {
        Extended.result(unit, sign << 15 | 0x7fff, Long.MIN_VALUE);
    }

    // ---- F2XM1 ----

    void f2xm1(int se, long m) {
        Extended.loadA(unit, se, m);
        if (Extended.nan(unit, se, m)) {
            return;
        }
        Operand a = unit.a;
        if (a.kind == Operand.ZERO) {
            Extended.result(unit, se, m);
        } else if (a.kind == Operand.INFINITE) {
            if (a.sign != 0) {
                Extended.result(unit, 0xbfff, Long.MIN_VALUE);
            } else {
                infinity(0);
            }
        } else {
            noteDenormal();
            if (Extended.stops(unit)) {
                return;
            }
            if (a.exp >= 0) {
                powerOutOfRange(se, m);
            } else {
                x.set(a);
                power();
                finish(sum, false);
            }
        }
    }

    /** 2^1 - 1 and 2^-1 - 1 are exact; beyond, the result is undefined and the operand stays. */
    private void powerOutOfRange(int se, long m) {
        if (unit.a.exp == 0 && m == Long.MIN_VALUE) {
            Extended.result(unit, unit.a.sign != 0 ? 0xbffe : 0x3fff, m);
        } else {
            Extended.result(unit, se, m);
        }
    }

    private void noteDenormal() {
        if (unit.a.denormal) {
            unit.flags |= FpUnit.DE;
        }
    }

    /** sum = 2^x - 1 for |x| below 1: e^t - 1 for t = x ln 2 / 16, then squared four times. */
    private void power() {
        t.mul(x, LN2);
        t.scale(-4);
        sum.set(ONE);
        for (int n = 18; n >= 2; n--) {
            sum.mul(sum, t);
            sum.mul(sum, RECIPROCAL[n]);
            sum.add(sum, ONE);
        }
        sum.mul(sum, t);
        for (int i = 0; i < 4; i++) {
            // (1 + s)^2 - 1 = s * (s + 2) loses nothing by cancellation.
            other.set(0, 1, Long.MIN_VALUE, 0);
            other.add(other, sum);
            sum.mul(sum, other);
        }
    }

    // ---- FYL2X, FYL2XP1, FPATAN ----

    /** The function {@code op} of the first operand, ST(1), and the second, ST(0). */
    void binary(int op, int se1, long m1, int se0, long m0) {
        Extended.loadA(unit, se0, m0);
        Extended.loadB(unit, se1, m1);
        if (Extended.nan(unit, se0, m0, se1, m1)) {
            return;
        }
        switch (op) {
            case YL2X:
                logarithm(unit.a, unit.b);
                break;
            case YL2XP1:
                logarithmPlusOne(unit.a, unit.b);
                break;
            default:
                arctangent(unit.a, unit.b);
                break;
        }
    }

    private boolean denormalsStop() {
        Extended.noteDenormals(unit);
        return Extended.stops(unit);
    }

    private static boolean isOne(Operand a) {
        return a.kind == Operand.FINITE && a.sign == 0 && a.exp == 0 && a.mant == Long.MIN_VALUE;
    }

    private void logarithm(Operand a, Operand b) {
        if (a.kind != Operand.ZERO && a.sign != 0) {
            Extended.invalid(unit);
            return;
        }
        if (a.kind == Operand.ZERO) {
            logarithmOfZero(b);
            return;
        }
        boolean one = isOne(a);
        // The sign of the logarithm.
        int sign = a.kind == Operand.FINITE && a.exp < 0 ? 1 : 0;
        if ((b.kind == Operand.INFINITE && one) || (b.kind == Operand.ZERO && a.kind == Operand.INFINITE)) {
            Extended.invalid(unit);
        } else if (denormalsStop()) {
            return;
        } else if (b.kind == Operand.INFINITE || a.kind == Operand.INFINITE) {
            infinity(b.sign ^ sign);
        } else if (b.kind == Operand.ZERO || one) {
            zero(b.sign ^ sign);
        } else {
            y.set(b);
            x.set(a);
            boolean power = log2();
            sum.mul(sum, y);
            finish(sum, power);
            // Processors flag #P, and #U with a denormal result, without a look at whether it is exact.
            boolean tiny = (unit.se & 0x7fff) == 0 && (unit.unmasked & FpUnit.UE) == 0;
            unit.flags |= tiny ? FpUnit.PE | FpUnit.UE : FpUnit.PE;
        }
    }

    private void logarithmOfZero(Operand b) {
        if (b.kind == Operand.ZERO) {
            Extended.invalid(unit);
        } else {
            if (b.kind == Operand.FINITE) {
                unit.flags |= FpUnit.ZE;
            }
            infinity(b.sign ^ 1);
        }
    }

    /** sum = log2(x) for positive x other than 1; true if x is a power of two, so that this is exact. */
    private boolean log2() {
        int e = x.exp;
        x.exp = 0;
        if (x.hi == Long.MIN_VALUE && x.lo == 0) {
            sum.setInteger(e);
            return true;
        }
        if (Long.compareUnsigned(x.hi, SQRT2) > 0) {
            x.exp = -1;
            e++;
        }
        t.sub(x, ONE);
        other.add(x, ONE);
        t.div(t, other);
        doubleArtanh();
        sum.mul(sum, LOG2E);
        if (e != 0) {
            other.setInteger(e);
            sum.add(sum, other);
        }
        return false;
    }

    /** sum = 2 artanh(t), for |t| up to 0.18. */
    private void doubleArtanh() {
        square.mul(t, t);
        sum.set(RECIPROCAL[49]);
        for (int n = 47; n >= 1; n -= 2) {
            sum.mul(sum, square);
            sum.add(sum, RECIPROCAL[n]);
        }
        sum.mul(sum, t);
        sum.scale(1);
    }

    private void logarithmPlusOne(Operand a, Operand b) {
        int sign = a.sign ^ b.sign;
        if (a.kind == Operand.INFINITE) {
            if (a.sign != 0 || b.kind == Operand.ZERO) {
                Extended.invalid(unit);
            } else if (!denormalsStop()) {
                infinity(sign);
            }
            return;
        }
        if (b.kind == Operand.INFINITE) {
            if (a.kind == Operand.ZERO) {
                Extended.invalid(unit);
            } else if (!denormalsStop()) {
                infinity(sign);
            }
            return;
        }
        if (denormalsStop()) {
            return;
        }
        if (a.kind == Operand.ZERO || b.kind == Operand.ZERO) {
            zero(sign);
            return;
        }
        x.set(a);
        y.set(b);
        if (a.exp < -2) {
            other.set(0, 1, Long.MIN_VALUE, 0);
            other.add(other, x);
            t.div(x, other);
            doubleArtanh();
            sum.mul(sum, LOG2E);
        } else {
            x.add(x, ONE);
            if (x.sign != 0 || x.isZero()) {
                // Below the range that the manual defines; the operand stays.
                Extended.result(unit, unit.b.sign << 15 | unit.b.exp + 16383 & 0x7fff, unit.b.mant);
                return;
            }
            log2();
        }
        sum.mul(sum, y);
        finish(sum, false);
    }

    /** atan2(b, a). */
    private void arctangent(Operand a, Operand b) {
        if (denormalsStop()) {
            return;
        }
        int sign = b.sign;
        boolean zeroB = b.kind == Operand.ZERO;
        if (a.kind == Operand.INFINITE) {
            if (b.kind == Operand.INFINITE) {
                quarterPi(sign, a.sign != 0 ? 3 : 1);
            } else if (a.sign != 0) {
                constant(sign, PI, 0);
            } else {
                zero(sign);
            }
        } else if (zeroB) {
            if (a.sign != 0) {
                constant(sign, PI, 0);
            } else {
                zero(sign);
            }
        } else if (b.kind == Operand.INFINITE || a.kind == Operand.ZERO) {
            constant(sign, PI, -1);
        } else {
            finiteArctangent(a, b);
            sum.sign = sign;
            finish(sum, false);
        }
    }

    private void quarterPi(int sign, int times) {
        other.setInteger(times);
        sum.mul(PI, other);
        sum.scale(-2);
        sum.sign = sign;
        finish(sum, false);
    }

    private void finiteArctangent(Operand a, Operand b) {
        boolean steep = b.exp != a.exp ? b.exp > a.exp : Long.compareUnsigned(b.mant, a.mant) > 0;
        x.set(steep ? b : a);
        y.set(steep ? a : b);
        x.sign = 0;
        y.sign = 0;
        t.div(y, x);
        int n = t.exp < -5 ? 0 : (int) ((t.hi >>> 59 - t.exp - 1) + 1 >>> 1);
        if (n != 0) {
            // atan(z) = atan(c) + atan((z - c) / (1 + z c)), c = n/16.
            x.setInteger(n);
            x.scale(-4);
            y.mul(t, x);
            y.add(y, ONE);
            t.sub(t, x);
            t.div(t, y);
        }
        artan();
        sum.add(sum, ARCTANGENT[n]);
        if (steep) {
            sum.sub(HALF_PI, sum);
        }
        if (a.sign != 0) {
            sum.sub(PI, sum);
        }
    }

    /** sum = atan(t), for |t| up to 1/32. */
    private void artan() {
        square.mul(t, t);
        square.negate();
        sum.set(RECIPROCAL[27]);
        for (int n = 25; n >= 1; n -= 2) {
            sum.mul(sum, square);
            sum.add(sum, RECIPROCAL[n]);
        }
        sum.mul(sum, t);
    }

    // ---- FSIN, FCOS, FSINCOS, FPTAN ----

    /** False if the operand is out of range (C2): its magnitude is 2^63 or more. */
    boolean trigonometric(int op, int se, long m) {
        Extended.loadA(unit, se, m);
        Operand a = unit.a;
        if (Extended.nan(unit, se, m)) {
            second(unit.se, unit.mant);
            return true;
        }
        if (a.kind == Operand.INFINITE) {
            Extended.invalid(unit);
            second(unit.se, unit.mant);
            return true;
        }
        if (a.kind == Operand.ZERO) {
            trigonometricOfZero(op, se);
            return true;
        }
        if (a.exp >= 63) {
            return false;
        }
        noteDenormal();
        if (Extended.stops(unit)) {
            return true;
        }
        int quadrant = reduceAngle(a);
        switch (op) {
            case SIN:
                sine(quadrant, a.sign);
                break;
            case COS:
                sine(quadrant + 1, 0);
                break;
            case SINCOS:
                sine(quadrant + 1, 0);
                second(unit.se, unit.mant);
                sine(quadrant, a.sign);
                break;
            default:
                tangent(quadrant, a.sign);
                second(16383, Long.MIN_VALUE);
                break;
        }
        return true;
    }

    private void second(int se, long m) {
        secondSe = se;
        secondMant = m;
    }

    private void trigonometricOfZero(int op, int se) {
        second(16383, Long.MIN_VALUE);
        if (op == COS) {
            Extended.result(unit, 16383, Long.MIN_VALUE);
        } else {
            Extended.result(unit, se & 0x8000, 0);
        }
    }

    /** x = |a| less the nearest multiple of pi/2; returns that multiple. */
    private int reduceAngle(Operand a) {
        x.set(a);
        x.sign = 0;
        if (a.exp < -1) {
            return 0;
        }
        // |a| is mant * 2^(exp + 4) units of 2^-67, in which pi/2 is a 68-bit integer: long division.
        long rl = a.mant;
        long rh = 0;
        int quotient = 0;
        for (int i = 0; i < a.exp + 4; i++) {
            rh = rh << 1 | rl >>> 63;
            rl <<= 1;
            quotient <<= 1;
            if (rh > PI66_HIGH || (rh == PI66_HIGH && Long.compareUnsigned(rl, PI66_LOW) >= 0)) {
                rh = rh - PI66_HIGH - (Long.compareUnsigned(rl, PI66_LOW) < 0 ? 1 : 0);
                rl -= PI66_LOW;
                quotient |= 1;
            }
        }
        integerUnits(rh, rl);
        if (rh > 6 || (rh == 6 && Long.compareUnsigned(rl, PI66_LOW >>> 1) > 0)) {
            rh = PI66_HIGH - rh - (Long.compareUnsigned(PI66_LOW, rl) < 0 ? 1 : 0);
            rl = PI66_LOW - rl;
            integerUnits(rh, rl);
            x.sign = 1;
            quotient++;
        }
        return quotient;
    }

    /** x = rh:rl * 2^-67. */
    private void integerUnits(long rh, long rl) {
        unit.hi = rh;
        unit.lo = rl;
        unit.exp = 127 - 67;
        if ((rh | rl) == 0) {
            x.set(0, 0, 0, 0);
        } else {
            unit.normalize();
            x.set(0, unit.exp, unit.hi, unit.lo);
        }
    }

    /** The unit's result = (-1)^sign sin(x + quadrant pi/2). */
    private void sine(int quadrant, int sign) {
        square.mul(x, x);
        square.negate();
        if ((quadrant & 1) == 0) {
            sineSeries(sum);
        } else {
            cosineSeries(sum);
        }
        sum.sign ^= sign ^ quadrant >> 1 & 1;
        finish(sum, false);
    }

    private void sineSeries(Wide result) {
        result.set(ONE);
        for (int n = 34; n >= 2; n -= 2) {
            result.mul(result, square);
            result.mul(result, RECIPROCAL[n]);
            result.mul(result, RECIPROCAL[n + 1]);
            result.add(result, ONE);
        }
        result.mul(result, x);
    }

    private void cosineSeries(Wide result) {
        result.set(ONE);
        for (int n = 34; n >= 2; n -= 2) {
            result.mul(result, square);
            result.mul(result, RECIPROCAL[n]);
            result.mul(result, RECIPROCAL[n - 1]);
            result.add(result, ONE);
        }
    }

    private void tangent(int quadrant, int sign) {
        square.mul(x, x);
        square.negate();
        sineSeries(sum);
        cosineSeries(other);
        if ((quadrant & 1) == 0) {
            sum.div(sum, other);
        } else {
            sum.div(other, sum);
            sum.negate();
        }
        sum.sign ^= sign;
        finish(sum, false);
    }
}
