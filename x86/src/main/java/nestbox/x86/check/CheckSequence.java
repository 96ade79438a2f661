package nestbox.x86.check;

import java.util.Locale;
import nestbox.core.NestboxException;

/**
 * The order of checks where the manual allows any. It decides which failure software sees, never whether there is one.
 *
 * @param kind which order
 * @param seed of {@link Kind#SHUFFLED}, else 0
 */
public record CheckSequence(Kind kind, long seed) {
    /** The orders. */
    public enum Kind {
        /** As the manual presents the checks. */
        MANUAL,
        /** Backwards within what may be reordered. */
        REVERSED,
        /** By chance, from the seed. */
        SHUFFLED
    }

    public static final CheckSequence MANUAL = new CheckSequence(Kind.MANUAL, 0);
    public static final CheckSequence REVERSED = new CheckSequence(Kind.REVERSED, 0);

    /**
     * Reads {@code manual}, {@code reversed} or {@code shuffled:SEED}.
     *
     * @throws NestboxException naming {@code subject}, the option that the text came from
     */
    public static CheckSequence parse(String subject, String text) {
        String word = text.toLowerCase(Locale.ROOT);
        if (word.equals("manual")) {
            return MANUAL;
        }
        if (word.equals("reversed")) {
            return REVERSED;
        }
        Long seed = word.startsWith("shuffled:") ? StateDocument.number(word.substring("shuffled:".length())) : null;
        if (seed == null) {
            throw new NestboxException(subject, "'" + text + "' is none of manual, reversed, shuffled:SEED");
        }
        return new CheckSequence(Kind.SHUFFLED, seed);
    }
}
