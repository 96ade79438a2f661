package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/**
 * Shifts and rotates on values (SDM Vol. 2, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD"). A masked count of 0
 * changes no flag. What the manual leaves undefined is as AMD's Zen 3 does it: OF follows the formula of one-bit shifts for
 * every count, shifts set AF.
 */
public final class Shifts {
    private Shifts() {}

    private static int mask(long count, int bits) {
        return (int) count & (bits == 64 ? 63 : 31);
    }

    /** Bit {@code n} of {@code value}. */
    private static long bit(long value, int n) {
        return value >>> n & 1;
    }

    /** The two uppermost bits differ: OF of a shift to the right. */
    private static long topBitsDiffer(long value, int bits) {
        return bit(value, bits - 1) ^ bit(value, bits - 2);
    }

    public static long shl(Cpu c, long a, long count, int bits) {
        int n = mask(count, bits);
        if (n == 0) {
            return a;
        }
        long value = Operands.zeroExtend(a, bits);
        long result = Operands.signExtend(value << n, bits);
        long cf = n <= bits ? bit(value, bits - n) : 0;
        Flags.set(c, result, cf, cf ^ result >>> 63, 1);
        return result;
    }

    public static long shr(Cpu c, long a, long count, int bits) {
        int n = mask(count, bits);
        if (n == 0) {
            return a;
        }
        long value = Operands.zeroExtend(a, bits);
        long result = value >>> n;
        Flags.set(c, result, bit(value, n - 1), topBitsDiffer(result, bits), 1);
        return result;
    }

    public static long sar(Cpu c, long a, long count, int bits) {
        int n = mask(count, bits);
        if (n == 0) {
            return a;
        }
        long value = Operands.signExtend(a, bits);
        long result = value >> n;
        Flags.set(c, result, bit(value, n - 1), 0, 1);
        return result;
    }

    public static long rol(Cpu c, long a, long count, int bits) {
        if (mask(count, bits) == 0) {
            return a;
        }
        int n = (int) count & (bits - 1);
        long value = Operands.zeroExtend(a, bits);
        long result = value << n | value >>> (bits - n);
        long cf = result & 1;
        Flags.setCfOf(c, cf, cf ^ bit(result, bits - 1));
        return result;
    }

    public static long ror(Cpu c, long a, long count, int bits) {
        if (mask(count, bits) == 0) {
            return a;
        }
        int n = (int) count & (bits - 1);
        long value = Operands.zeroExtend(a, bits);
        long result = value >>> n | value << (bits - n);
        Flags.setCfOf(c, bit(result, bits - 1), topBitsDiffer(result, bits));
        return result;
    }

    /** A rotate of {@code bits} + 1 bits, CF above the operand. */
    public static long rcl(Cpu c, long a, long count, int bits) {
        int masked = mask(count, bits);
        if (masked == 0) {
            return a;
        }
        int n = masked % (bits + 1);
        long value = Operands.zeroExtend(a, bits);
        long cf = c.flagCarry >>> 63;
        long result = value;
        if (n != 0) {
            // Shifting twice keeps counts below 64.
            result = value << n | cf << (n - 1) | value >>> 1 >>> (bits - n);
            cf = bit(value, bits - n);
        }
        Flags.setCfOf(c, cf, cf ^ bit(result, bits - 1));
        return result;
    }

    /** A rotate of {@code bits} + 1 bits, CF below the operand. */
    public static long rcr(Cpu c, long a, long count, int bits) {
        int masked = mask(count, bits);
        if (masked == 0) {
            return a;
        }
        int n = masked % (bits + 1);
        long value = Operands.zeroExtend(a, bits);
        long cf = c.flagCarry >>> 63;
        long result = value;
        if (n != 0) {
            result = value >>> n | cf << (bits - n) | value << 1 << (bits - n);
            cf = bit(value, n - 1);
        }
        Flags.setCfOf(c, cf, topBitsDiffer(result, bits));
        return result;
    }

    /** Shifts {@code a} to the left and fills from the top of {@code b}. */
    public static long shld(Cpu c, long a, long b, long count, int bits) {
        int n = mask(count, bits);
        if (n == 0) {
            return a;
        }
        long low = Operands.zeroExtend(b, bits);
        if (n > bits) {
            // Undefined with 16-bit operands: the source fills a second time, CF and OF are 0.
            long filled = Operands.signExtend(low << (n - bits) | low >>> (2 * bits - n), bits);
            Flags.set(c, filled, 0, 0, 1);
            return filled;
        }
        long value = Operands.zeroExtend(a, bits);
        long result = Operands.signExtend(value << n | low >>> (bits - n), bits);
        long cf = bit(value, bits - n);
        Flags.set(c, result, cf, n == bits ? cf : cf ^ result >>> 63, 1);
        return result;
    }

    /** Shifts {@code a} to the right and fills from the bottom of {@code b}. */
    public static long shrd(Cpu c, long a, long b, long count, int bits) {
        int n = mask(count, bits);
        if (n == 0) {
            return a;
        }
        long high = Operands.zeroExtend(b, bits);
        if (n > bits) {
            // Undefined with 16-bit operands: the source fills a second time, CF is 0.
            long filled = Operands.signExtend(high >>> (n - bits) | high << (2 * bits - n), bits);
            Flags.set(c, filled, 0, topBitsDiffer(filled, bits), 1);
            return filled;
        }
        long value = Operands.zeroExtend(a, bits);
        long result = Operands.signExtend(value >>> n | high << (bits - n), bits);
        Flags.set(c, result, bit(value, n - 1), topBitsDiffer(result, bits), 1);
        return result;
    }
}
