package nestbox.testkit.differential;

/**
 * One guest action, as the interpreter reads it from memory.
 *
 * @param op what
 * @param cpu who
 * @param a first operand, see {@link Op}
 * @param b second operand
 * @param c third operand
 */
public record Step(Op op, int cpu, long a, long b, long c) {
    static final int BYTES = 32;

    @Override
    public String toString() {
        return String.format("cpu%d %s %x, %x, %x", cpu, op, a, b, c);
    }
}
