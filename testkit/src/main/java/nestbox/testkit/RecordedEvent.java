package nestbox.testkit;

import java.util.Arrays;
import nestbox.core.trace.TraceEventType;

/**
 * An event of a run.
 *
 * @param time virtual time in ticks
 * @param cpu whose turn it was, or -1
 * @param level nesting level of the software that ran: 1, or 2 for L2
 * @param type its kind
 * @param values of the kind's fields
 */
public record RecordedEvent(long time, int cpu, int level, TraceEventType type, long[] values) {
    public String name() {
        return type.name();
    }

    /**
     * The value of a field.
     *
     * @throws IllegalArgumentException if the kind has none of that name
     */
    public long field(String name) {
        return values[index(name)];
    }

    private int index(String name) {
        int index = type.fields().indexOf(name);
        if (index < 0) {
            throw new IllegalArgumentException(type + " has no field " + name);
        }
        return index;
    }

    /** The field as people read it: the word for its value if there is one, else the number. */
    public String text(String name) {
        int index = index(name);
        String word = type.word(index, values[index]);
        boolean hex = type.base(index) == TraceEventType.Base.HEX;
        return word != null ? word : hex ? "0x" + Long.toHexString(values[index]) : Long.toString(values[index]);
    }

    /**
     * Whether a pattern is about this event: its name, and behind it any number of {@code field=value}, where the value is a number
     * (decimal or with 0x) or the word for it.
     */
    public boolean matches(String pattern) {
        String[] words = pattern.trim().split("\\s+");
        if (!words[0].equals(name())) {
            return false;
        }
        for (int i = 1; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            if (equals < 0) {
                throw new IllegalArgumentException("'" + words[i] + "' is no FIELD=VALUE");
            }
            if (!has(words[i].substring(0, equals), words[i].substring(equals + 1))) {
                return false;
            }
        }
        return true;
    }

    private boolean has(String field, String value) {
        int index = index(field);
        if (value.equals(type.word(index, values[index]))) {
            return true;
        }
        try {
            boolean hex = value.startsWith("0x");
            long number = hex ? Long.parseUnsignedLong(value.substring(2), 16) : Long.parseLong(value);
            return number == values[index];
        } catch (NumberFormatException e) {
            return false;
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RecordedEvent event
                && time == event.time
                && cpu == event.cpu
                && level == event.level
                && type == event.type
                && Arrays.equals(values, event.values);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(time) + type.hashCode();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(name());
        type.fields()
                .forEach(field -> text.append(' ').append(field).append('=').append(text(field)));
        return text.toString();
    }
}
