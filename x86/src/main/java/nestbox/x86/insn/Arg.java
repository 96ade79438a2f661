package nestbox.x86.insn;

/** An operand as it is written in assembly: what the rows' operands are matched against. */
public sealed interface Arg {
    /** Kinds of registers. */
    enum Type {
        GENERAL,
        /** AH, CH, DH, BH: numbers 4 to 7, not with REX. */
        HIGH_BYTE,
        SEGMENT,
        CONTROL,
        DEBUG,
        X87,
        MMX,
        VECTOR
    }

    /** @param bits width, 0 for control and debug registers, which follow the mode */
    record Register(String name, Type type, int number, int bits) implements Arg {}

    /**
     * A memory operand.
     *
     * @param bits width if it is written ({@code dword}), else 0
     * @param far a far pointer lies there
     * @param segment override, or -1
     * @param base general register, or null
     * @param index general register, or null
     * @param scale 1, 2, 4 or 8
     * @param displacement added to them
     * @param relative RIP-relative: the displacement is the target's address
     * @param addressBits width of the offset where no register gives it, or 0
     */
    record Memory(
            int bits,
            boolean far,
            int segment,
            Register base,
            Register index,
            int scale,
            Expression displacement,
            boolean relative,
            int addressBits)
            implements Arg {}

    /**
     * An immediate or a branch target.
     *
     * @param bits width if it is written, else 0
     * @param near the long form of a branch is wanted ({@code near}); {@code bits} 8 asks for the short one
     */
    record Immediate(Expression value, int bits, boolean near) implements Arg {}

    /** A far pointer in the code. */
    record Far(Expression selector, Expression offset, int bits) implements Arg {}
}
