package nestbox.x86.insn;

/** Width of an operand, fixed or following the instruction's sizes. */
enum Width {
    NONE(0),
    B(8),
    W(16),
    D(32),
    Q(64),
    /** 80-bit floating point or BCD. */
    T(80),
    DQ(128),
    QQ(256),
    /** Operand size: 16, 32 or 64. */
    V(-1),
    /** Operand size, but 32 where that is 64. */
    Z(-1),
    /** 64 where the operand size is 64, else 32. */
    Y(-1),
    /** Far pointer: the operand size and 16 bits. */
    P(-1),
    /** Pseudo-descriptor: 16-bit limit and a base of 32 or 64 bits. */
    S(-1),
    /** Two operands of the operand size (BOUND). */
    A(-1),
    /** Vector length. */
    X(-1),
    /** Address size. */
    ASIZE(-1);

    private final int fixed;

    Width(int fixed) {
        this.fixed = fixed;
    }

    static Width of(String name) {
        return switch (name) {
            case "" -> NONE;
            case "b", "bs" -> B;
            case "w" -> W;
            case "d", "ss" -> D;
            case "q", "sd" -> Q;
            case "t" -> T;
            case "dq" -> DQ;
            case "qq" -> QQ;
            case "v" -> V;
            case "z" -> Z;
            case "y" -> Y;
            case "p" -> P;
            case "s" -> S;
            case "a" -> A;
            case "x", "ps", "pd" -> X;
            case "asize" -> ASIZE;
            default -> throw new IllegalArgumentException("operand width " + name);
        };
    }

    /**
     * Bits of an operand of this width.
     *
     * @param operandSize 16, 32 or 64
     * @param vector vector length in bits
     */
    int bits(int operandSize, int addressSize, int vector) {
        return switch (this) {
            case V -> operandSize;
            case Z -> Math.min(operandSize, 32);
            case Y -> operandSize == 64 ? 64 : 32;
            case P -> operandSize + 16;
            case S -> operandSize == 64 ? 80 : 48;
            case A -> 2 * operandSize;
            case X -> vector;
            case ASIZE -> addressSize;
            default -> fixed;
        };
    }
}
