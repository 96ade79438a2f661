package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/**
 * Addition, subtraction and logic on values (SDM Vol. 2, "ADD" and its siblings). Operands may carry anything above
 * {@code bits}; results are sign-extended from {@code bits}; flags are set.
 */
public final class Alu {
    private Alu() {}

    /** A two-operand operation: {@code a} is the destination's old value. */
    @FunctionalInterface
    public interface Binary {
        long apply(Cpu c, long a, long b, int bits);
    }

    /** A one-operand operation. */
    @FunctionalInterface
    public interface Unary {
        long apply(Cpu c, long a, int bits);
    }

    public static long add(Cpu c, long a, long b, int bits) {
        long sum = a + b;
        long carries = (a & b) | ((a | b) & ~sum);
        long result = Operands.signExtend(sum, bits);
        Flags.arithmetic(c, result, carries, bits);
        return result;
    }

    public static long adc(Cpu c, long a, long b, int bits) {
        long sum = a + b + (c.flagCarry >>> 63);
        long carries = (a & b) | ((a | b) & ~sum);
        long result = Operands.signExtend(sum, bits);
        Flags.arithmetic(c, result, carries, bits);
        return result;
    }

    public static long sub(Cpu c, long a, long b, int bits) {
        long difference = a - b;
        long borrows = (~a & b) | ((~a | b) & difference);
        long result = Operands.signExtend(difference, bits);
        Flags.arithmetic(c, result, borrows, bits);
        return result;
    }

    public static long sbb(Cpu c, long a, long b, int bits) {
        long difference = a - b - (c.flagCarry >>> 63);
        long borrows = (~a & b) | ((~a | b) & difference);
        long result = Operands.signExtend(difference, bits);
        Flags.arithmetic(c, result, borrows, bits);
        return result;
    }

    public static long and(Cpu c, long a, long b, int bits) {
        long result = Operands.signExtend(a & b, bits);
        Flags.logic(c, result);
        return result;
    }

    public static long or(Cpu c, long a, long b, int bits) {
        long result = Operands.signExtend(a | b, bits);
        Flags.logic(c, result);
        return result;
    }

    public static long xor(Cpu c, long a, long b, int bits) {
        long result = Operands.signExtend(a ^ b, bits);
        Flags.logic(c, result);
        return result;
    }

    public static long inc(Cpu c, long a, int bits) {
        long sum = a + 1;
        long result = Operands.signExtend(sum, bits);
        Flags.arithmeticKeepCf(c, result, a & ~sum, bits);
        return result;
    }

    public static long dec(Cpu c, long a, int bits) {
        long difference = a - 1;
        long result = Operands.signExtend(difference, bits);
        Flags.arithmeticKeepCf(c, result, ~a & difference, bits);
        return result;
    }

    public static long neg(Cpu c, long a, int bits) {
        return sub(c, 0, a, bits);
    }

    public static long not(Cpu c, long a, int bits) {
        return ~a;
    }
}
