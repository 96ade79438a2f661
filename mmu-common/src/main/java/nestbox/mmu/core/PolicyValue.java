package nestbox.mmu.core;

/**
 * A named value of a policy point.
 *
 * @param name as users write it
 * @param verdict what it does to guests
 * @param origin where it comes from
 * @param explanation what it means
 * @param rule a {@link Rule}, or what the point takes instead
 */
public record PolicyValue(String name, Verdict verdict, String origin, String explanation, Object rule) {
    /** What a value does to guests. */
    public enum Verdict {
        RIGHT,
        /** Some guest sees a wrong translation. */
        WRONG,
        /** Right, with more work than needed. */
        SLOW,
        /** A deviation from the manual that KVM has and that no known guest depends on. */
        DEVIATES
    }
}
