package nestbox.l0;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import nestbox.core.NestboxException;
import nestbox.mmu.core.YieldPoint;

/**
 * Who runs at which of L0's yield points. Immutable.
 *
 * @param rules each lets the next processor run at one point
 * @param seed of a schedule that chooses points, processors and numbers of instructions by itself, if there is one
 */
public record YieldPlan(List<Rule> rules, OptionalLong seed) {
    private static final YieldPlan NONE = new YieldPlan(List.of(), OptionalLong.empty());
    private static final String SEEDED = "seeded:";

    /**
     * @param instructions how many the next processor runs
     * @param time that the point is reached, from 1; 0 for each
     */
    public record Rule(YieldPoint point, long instructions, long time) {}

    public YieldPlan {
        rules = List.copyOf(rules);
    }

    /** Nobody gets in between. */
    public static YieldPlan none() {
        return NONE;
    }

    /** All of these, each as {@link #with} takes it. */
    public static YieldPlan of(List<String> texts) {
        YieldPlan plan = NONE;
        for (String text : texts) {
            plan = plan.with(text);
        }
        return plan;
    }

    public boolean isEmpty() {
        return rules.isEmpty() && seed.isEmpty();
    }

    /**
     * These and one more.
     *
     * @param text {@code POINT=INSTRUCTIONS}, {@code POINT=INSTRUCTIONS@N} for the N-th time only, or {@code seeded:S}
     * @throws NestboxException naming what is wrong with it, and what there is
     */
    public YieldPlan with(String text) {
        String where = "yield " + text;
        if (text.startsWith(SEEDED)) {
            return new YieldPlan(rules, OptionalLong.of(number(where, text.substring(SEEDED.length()), 0)));
        }
        int equals = text.indexOf('=');
        if (equals < 0) {
            throw new NestboxException(where, "is not POINT=INSTRUCTIONS, POINT=INSTRUCTIONS@N or seeded:S");
        }
        YieldPoint point = YieldPoint.named(where, text.substring(0, equals));
        int at = text.indexOf('@', equals);
        long instructions = number(where, text.substring(equals + 1, at < 0 ? text.length() : at), 1);
        List<Rule> more = new ArrayList<>(rules);
        more.add(new Rule(point, instructions, at < 0 ? 0 : number(where, text.substring(at + 1), 1)));
        return new YieldPlan(more, seed);
    }

    private static long number(String where, String text, long least) {
        try {
            long number = Long.decode(text);
            if (number >= least) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Reported below.
        }
        throw new NestboxException(where, "'" + text + "' is no number from " + least);
    }
}
