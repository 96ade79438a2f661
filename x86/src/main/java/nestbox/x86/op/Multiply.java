package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/**
 * Multiplication and division (SDM Vol. 2, "MUL", "IMUL", "DIV", "IDIV"). Undefined flags as AMD's Zen 3 has them: products
 * change CF and OF alone; quotients clear SF, ZF and PF, set AF and keep CF and OF.
 */
public final class Multiply {
    private Multiply() {}

    /** High half of the unsigned 128-bit product. */
    static long highUnsigned(long a, long b) {
        return Math.multiplyHigh(a, b) + (a >> 63 & b) + (b >> 63 & a);
    }

    /** Two- and three-operand IMUL: the truncated product, sign-extended. */
    public static long imul(Cpu c, long a, long b, int bits) {
        long x = Operands.signExtend(a, bits);
        long y = Operands.signExtend(b, bits);
        long product = x * y;
        long result = Operands.signExtend(product, bits);
        boolean lost = bits == 64 ? Math.multiplyHigh(x, y) != product >> 63 : result != product;
        long flag = lost ? 1 : 0;
        Flags.setCfOf(c, flag, flag);
        return result;
    }

    static void mul(Cpu c, Insn in) {
        int bits = in.size;
        long a = Operands.zeroExtend(c.r[Reg.RAX], bits);
        long b = Operands.rm(c, in, bits);
        long low = a * b;
        long high = bits == 64 ? highUnsigned(a, b) : low >>> bits;
        setProduct(c, in, low, high, high != 0);
    }

    static void imul(Cpu c, Insn in) {
        int bits = in.size;
        long a = Operands.signExtend(c.r[Reg.RAX], bits);
        long b = Operands.signExtend(Operands.rm(c, in, bits), bits);
        long low = a * b;
        long high = bits == 64 ? Math.multiplyHigh(a, b) : low >> bits;
        setProduct(c, in, low, high, high != Operands.signExtend(low, bits) >> 63);
    }

    private static void setProduct(Cpu c, Insn in, long low, long high, boolean lost) {
        setPair(c, in, low, high);
        long flag = lost ? 1 : 0;
        Flags.setCfOf(c, flag, flag);
    }

    /** AH:AL, DX:AX, EDX:EAX or RDX:RAX. */
    private static void setPair(Cpu c, Insn in, long low, long high) {
        if (in.size == 8) {
            Operands.setReg(c, in, Reg.RAX, 16, (low & 0xff) | (high & 0xff) << 8);
        } else {
            Operands.setReg(c, in, Reg.RAX, in.size, low);
            Operands.setReg(c, in, Reg.RDX, in.size, high);
        }
    }

    /** reg:vvvv = RDX * r/m, unsigned, without flags; the high half wins if both are the same register. */
    static void mulx(Cpu c, Insn in) {
        long a = Operands.zeroExtend(c.r[Reg.RDX], in.size);
        long b = Operands.rm(c, in, in.size);
        long low = a * b;
        long high = in.size == 64 ? highUnsigned(a, b) : low >>> in.size;
        Operands.setReg(c, in, in.vvvv, in.size, low);
        Operands.setReg(c, in, in.reg, in.size, high);
    }

    private static void divideFlags(Cpu c) {
        Flags.update(c, Flags.SF | Flags.ZF | Flags.PF | Flags.AF, Flags.AF);
    }

    /** Unsigned high:low divided by what fits the operand size; #DE if the quotient does not. */
    static void div(Cpu c, Insn in) {
        int bits = in.size;
        long divisor = Operands.rm(c, in, bits);
        long quotient;
        long remainder;
        if (bits == 64) {
            long high = c.r[Reg.RDX];
            long low = c.r[Reg.RAX];
            if (Long.compareUnsigned(high, divisor) >= 0) {
                throw c.raise(Vector.DE);
            }
            quotient = divide128(high, low, divisor);
            remainder = low - quotient * divisor;
        } else {
            long dividend = dividend(c, bits);
            if (divisor == 0) {
                throw c.raise(Vector.DE);
            }
            quotient = Long.divideUnsigned(dividend, divisor);
            if (quotient >>> bits != 0) {
                throw c.raise(Vector.DE);
            }
            remainder = dividend - quotient * divisor;
        }
        setPair(c, in, quotient, remainder);
        divideFlags(c);
    }

    static void idiv(Cpu c, Insn in) {
        int bits = in.size;
        long divisor = Operands.signExtend(Operands.rm(c, in, bits), bits);
        if (divisor == 0) {
            throw c.raise(Vector.DE);
        }
        if (bits == 64) {
            idiv64(c, in, divisor);
            return;
        }
        long dividend = Operands.signExtend(dividend(c, bits), 2 * bits);
        long quotient = dividend / divisor;
        // The most negative 64-bit dividend by -1 overflows in Java as well: it comes out negative, and is caught here.
        boolean overflow = Operands.signExtend(quotient, bits) != quotient;
        if (overflow) {
            throw c.raise(Vector.DE);
        }
        setPair(c, in, quotient, dividend - quotient * divisor);
        divideFlags(c);
    }

    private static void idiv64(Cpu c, Insn in, long divisor) {
        long high = c.r[Reg.RDX];
        long low = c.r[Reg.RAX];
        boolean negative = high < 0;
        long magnitudeHigh = negative ? ~high + (low == 0 ? 1 : 0) : high;
        long magnitudeLow = negative ? -low : low;
        long magnitudeDivisor = Math.abs(divisor);
        if (Long.compareUnsigned(magnitudeHigh, magnitudeDivisor) >= 0) {
            throw c.raise(Vector.DE);
        }
        long magnitude = divide128(magnitudeHigh, magnitudeLow, magnitudeDivisor);
        boolean negate = negative != divisor < 0;
        long quotient = negate ? -magnitude : magnitude;
        if (magnitude != 0 && quotient < 0 != negate) {
            throw c.raise(Vector.DE);
        }
        setPair(c, in, quotient, low - quotient * divisor);
        divideFlags(c);
    }

    /** AX, DX:AX or EDX:EAX. */
    private static long dividend(Cpu c, int bits) {
        long low = Operands.zeroExtend(c.r[Reg.RAX], bits == 8 ? 16 : bits);
        return bits == 8 ? low : low | Operands.zeroExtend(c.r[Reg.RDX], bits) << bits;
    }

    /** Quotient of unsigned high:low by a divisor greater than high. */
    static long divide128(long high, long low, long divisor) {
        if (high == 0) {
            return Long.divideUnsigned(low, divisor);
        }
        long rest = high;
        long quotient = low;
        for (int i = 0; i < 64; i++) {
            boolean carry = rest < 0;
            rest = rest << 1 | quotient >>> 63;
            quotient <<= 1;
            if (carry || Long.compareUnsigned(rest, divisor) >= 0) {
                rest -= divisor;
                quotient |= 1;
            }
        }
        return quotient;
    }
}
