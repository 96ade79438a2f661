package nestbox.x86.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A control structure as text describes it: entries in named parts, with the place of each for messages. Which parts and keys
 * there are is the {@link StateChecker}'s to say.
 */
public final class StateDocument {
    /** The line of an entry that comes from no file. */
    public static final int NO_LINE = 0;

    /**
     * One entry.
     *
     * @param part the part that it stands in ({@code fields})
     * @param key its name there
     * @param value its text, without quotes
     * @param line where it stands, from 1; {@link #NO_LINE} if unknown
     */
    public record Entry(String part, String key, String value, int line) {
        /** The value as a number: decimal, negative decimal or {@code 0x...}, up to 64 bits, {@code _} ignored; null if none. */
        public Long number() {
            return StateDocument.number(value);
        }

        /** The value as a truth value, or null. */
        public Boolean flag() {
            return switch (value.toLowerCase(Locale.ROOT)) {
                case "true" -> Boolean.TRUE;
                case "false" -> Boolean.FALSE;
                default -> null;
            };
        }
    }

    private final String source;
    private final List<Entry> entries;

    /**
     * A document.
     *
     * @param source what messages call it: the file's name
     */
    public StateDocument(String source, List<Entry> entries) {
        this.source = source;
        this.entries = List.copyOf(entries);
    }

    /** A document of parts, their keys and values, that comes from no file. */
    public static StateDocument of(String source, Map<String, ? extends Map<String, ?>> parts) {
        List<Entry> entries = new ArrayList<>();
        parts.forEach((part, content) ->
                content.forEach((key, value) -> entries.add(new Entry(part, key, String.valueOf(value), NO_LINE))));
        return new StateDocument(source, entries);
    }

    public String source() {
        return source;
    }

    /** All entries, in the order of the text. */
    public List<Entry> entries() {
        return entries;
    }

    /** A number in text: decimal or {@code 0x...}, up to 64 bits, {@code _} ignored; null if it is none. */
    public static Long number(String text) {
        String digits = text.replace("_", "").toLowerCase(Locale.ROOT);
        try {
            if (digits.startsWith("0x")) {
                return Long.parseUnsignedLong(digits.substring(2), 16);
            }
            return digits.startsWith("-") ? Long.parseLong(digits) : Long.parseUnsignedLong(digits);
        } catch (NumberFormatException e) {
            return null;
        }
    }
}
