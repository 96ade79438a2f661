package nestbox.testkit.differential;

/**
 * One action of a nested run, of L1 or of one of its two guests.
 *
 * @param who 0 and 1: the guests; {@link #HYPERVISOR}
 * @param op an {@link Op} or {@link L2Op} of a guest, an {@link L1Op} of L1
 * @param a first operand
 * @param b second operand
 * @param c third operand
 */
public record NestedStep(int who, Enum<?> op, long a, long b, long c) {
    static final int HYPERVISOR = 2;

    static NestedStep of(Step step) {
        return new NestedStep(step.cpu(), step.op(), step.a(), step.b(), step.c());
    }

    static NestedStep l1(L1Op op, long... operands) {
        return new NestedStep(HYPERVISOR, op, operand(operands, 0), operand(operands, 1), operand(operands, 2));
    }

    static NestedStep l2(int guest, L2Op op, long... operands) {
        return new NestedStep(guest, op, operand(operands, 0), operand(operands, 1), operand(operands, 2));
    }

    private static long operand(long[] operands, int index) {
        return index < operands.length ? operands[index] : 0;
    }

    /** What is done, as the tables of operations number it. */
    int number() {
        return op instanceof L2Op own ? own.number() : op.ordinal() + 1;
    }

    @Override
    public String toString() {
        String level = who == HYPERVISOR ? "L1" : who == 0 ? "L2a" : "L2b";
        return String.format("%s %s %x, %x, %x", level, op, a, b, c);
    }
}
