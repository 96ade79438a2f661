package nestbox.x86.fp;

import java.math.BigInteger;

/**
 * A mutable binary floating-point number with a 128-bit significand and unlimited exponents, for the transcendental
 * instructions: {@code (-1)^sign * (hi:lo)/2^127 * 2^exp}, zero if {@code hi} is 0. Results are truncated, with what was cut
 * off kept as a sticky lowest bit. Every operation writes its result into {@code this}, which may be an operand too.
 */
final class Wide {
    int sign;
    int exp;
    long hi;
    long lo;

    Wide() {}

    Wide(int exp, long hi, long lo) {
        this.exp = exp;
        this.hi = hi;
        this.lo = lo;
    }

    /** The positive number {@code numerator / denominator}, for constants. */
    static Wide ratio(BigInteger numerator, BigInteger denominator) {
        int shift = 130 + denominator.bitLength() - numerator.bitLength();
        BigInteger scaled = numerator.shiftLeft(Math.max(shift, 0)).divide(denominator.shiftLeft(Math.max(-shift, 0)));
        int surplus = scaled.bitLength() - 128;
        BigInteger m = scaled.shiftRight(surplus);
        return new Wide(127 + surplus - shift, m.shiftRight(64).longValue(), m.longValue());
    }

    boolean isZero() {
        return hi == 0;
    }

    void set(int newSign, int newExp, long newHi, long newLo) {
        sign = newSign;
        exp = newExp;
        hi = newHi;
        lo = newLo;
    }

    void set(Wide x) {
        set(x.sign, x.exp, x.hi, x.lo);
    }

    void set(Operand x) {
        set(x.sign, x.exp, x.kind == Operand.ZERO ? 0 : x.mant, 0);
    }

    void setInteger(int value) {
        int magnitude = Math.abs(value);
        int shift = Long.numberOfLeadingZeros(magnitude);
        set(value < 0 ? 1 : 0, 63 - shift, value == 0 ? 0 : (long) magnitude << shift, 0);
    }

    void negate() {
        sign ^= 1;
    }

    /** Multiplies by a power of two. */
    void scale(int power) {
        exp += power;
    }

    void mul(Wide x, Wide y) {
        if (x.hi == 0 || y.hi == 0) {
            set(x.sign ^ y.sign, 0, 0, 0);
            return;
        }
        long p0 = FpUnit.multiplyHigh(x.lo, y.lo);
        long low = x.lo * y.lo;
        long p1 = x.hi * y.lo;
        long p2 = x.lo * y.hi;
        long h1 = FpUnit.multiplyHigh(x.hi, y.lo);
        long h2 = FpUnit.multiplyHigh(x.lo, y.hi);
        long middle = p0 + p1;
        long carry = Long.compareUnsigned(middle, p1) < 0 ? 1 : 0;
        middle += p2;
        carry += Long.compareUnsigned(middle, p2) < 0 ? 1 : 0;
        long rl = x.hi * y.hi;
        long rh = FpUnit.multiplyHigh(x.hi, y.hi);
        rl += h1;
        rh += Long.compareUnsigned(rl, h1) < 0 ? 1 : 0;
        rl += h2;
        rh += Long.compareUnsigned(rl, h2) < 0 ? 1 : 0;
        rl += carry;
        rh += Long.compareUnsigned(rl, carry) < 0 ? 1 : 0;
        int e = x.exp + y.exp + 1;
        if (rh >= 0) {
            rh = rh << 1 | rl >>> 63;
            rl = rl << 1 | middle >>> 63;
            middle <<= 1;
            e--;
        }
        set(x.sign ^ y.sign, e, rh, rl | ((middle | low) != 0 ? 1 : 0));
    }

    void add(Wide x, Wide y) {
        combine(x, y, y.sign);
    }

    void sub(Wide x, Wide y) {
        combine(x, y, y.sign ^ 1);
    }

    private void combine(Wide x, Wide y, int signY) {
        if (x.hi == 0) {
            set(signY, y.exp, y.hi, y.lo);
        } else if (y.hi == 0) {
            set(x);
        } else if (x.sign == signY) {
            addMagnitudes(x, y);
        } else {
            subtractMagnitudes(x, y, signY);
        }
    }

    private static long shiftedLow(Wide x, int d) {
        long kept;
        boolean lost;
        if (d == 0) {
            return x.lo;
        } else if (d < 64) {
            kept = x.hi << 64 - d | x.lo >>> d;
            lost = x.lo << 64 - d != 0;
        } else if (d < 128) {
            kept = x.hi >>> d - 64;
            lost = (x.lo | (d == 64 ? 0 : x.hi << 128 - d)) != 0;
        } else {
            kept = 0;
            lost = true;
        }
        return kept | (lost ? 1 : 0);
    }

    private void addMagnitudes(Wide x, Wide y) {
        Wide large = x.exp >= y.exp ? x : y;
        Wide small = large == x ? y : x;
        int d = large.exp - small.exp;
        long sl = shiftedLow(small, d);
        long sh = d < 64 ? small.hi >>> d : 0;
        long l = large.lo + sl;
        long carry = Long.compareUnsigned(l, sl) < 0 ? 1 : 0;
        long h = large.hi + sh;
        boolean out = Long.compareUnsigned(h, sh) < 0;
        h += carry;
        out |= carry != 0 && h == 0;
        int e = large.exp;
        if (out) {
            l = l >>> 1 | l & 1 | h << 63;
            h = h >>> 1 | Long.MIN_VALUE;
            e++;
        }
        set(x.sign, e, h, l);
    }

    private void subtractMagnitudes(Wide x, Wide y, int signY) {
        boolean xLarger = x.exp != y.exp
                ? x.exp > y.exp
                : x.hi != y.hi ? Long.compareUnsigned(x.hi, y.hi) > 0 : Long.compareUnsigned(x.lo, y.lo) >= 0;
        Wide large = xLarger ? x : y;
        Wide small = xLarger ? y : x;
        int d = large.exp - small.exp;
        long sl = shiftedLow(small, d);
        long sh = d < 64 ? small.hi >>> d : 0;
        long l = large.lo - sl;
        long h = large.hi - sh - (Long.compareUnsigned(large.lo, sl) < 0 ? 1 : 0);
        int e = large.exp;
        if ((h | l) == 0) {
            set(0, 0, 0, 0);
            return;
        }
        if (h == 0) {
            h = l;
            l = 0;
            e -= 64;
        }
        int shift = Long.numberOfLeadingZeros(h);
        if (shift != 0) {
            h = h << shift | l >>> 64 - shift;
            l <<= shift;
        }
        set(xLarger ? x.sign : signY, e - shift, h, l);
    }

    /** The quotient by {@code y}, which is not 0, bit by bit. */
    void div(Wide x, Wide y) {
        int s = x.sign ^ y.sign;
        if (x.hi == 0) {
            set(s, 0, 0, 0);
            return;
        }
        long dh = y.hi;
        long dl = y.lo;
        long rh = x.hi;
        long rl = x.lo;
        int e = x.exp - y.exp;
        boolean carry = false;
        if (less(rh, rl, dh, dl)) {
            carry = rh < 0;
            rh = rh << 1 | rl >>> 63;
            rl <<= 1;
            e--;
        }
        long qh = 0;
        long ql = 0;
        for (int i = 0; i < 128; i++) {
            qh = qh << 1 | ql >>> 63;
            ql <<= 1;
            if (carry || !less(rh, rl, dh, dl)) {
                rh = rh - dh - (Long.compareUnsigned(rl, dl) < 0 ? 1 : 0);
                rl -= dl;
                ql |= 1;
            }
            carry = rh < 0;
            rh = rh << 1 | rl >>> 63;
            rl <<= 1;
        }
        set(s, e, qh, ql | ((rh | rl) != 0 || carry ? 1 : 0));
    }

    private static boolean less(long xh, long xl, long yh, long yl) {
        int high = Long.compareUnsigned(xh, yh);
        return high < 0 || (high == 0 && Long.compareUnsigned(xl, yl) < 0);
    }
}
