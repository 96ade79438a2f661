package nestbox.core.trace;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A kind of trace event: its name and its fields, all numbers. Kinds are constants in tables such as {@link TraceEvents}; a
 * record of a kind also has virtual time, processor and level.
 */
public final class TraceEventType {
    /** Most fields that a kind may have. */
    public static final int MAX_FIELDS = 7;

    /** How a field is shown to people. */
    public enum Base {
        DECIMAL,
        HEX
    }

    private static final LongFunction<String> NO_WORDS = value -> null;

    private final String name;
    private final List<String> fields;
    private final Base[] bases;
    private final List<LongFunction<String>> names;

    private TraceEventType(String name, List<String> fields, Base[] bases, List<LongFunction<String>> names) {
        this.name = name;
        this.fields = fields;
        this.bases = bases;
        this.names = List.copyOf(names);
    }

    /** @param fields names in order; one that begins with {@code #} is shown in hexadecimal */
    public static TraceEventType of(String name, String... fields) {
        if (fields.length > MAX_FIELDS) {
            throw new IllegalArgumentException(name + " has more than " + MAX_FIELDS + " fields");
        }
        String[] names = new String[fields.length];
        Base[] bases = new Base[fields.length];
        for (int i = 0; i < fields.length; i++) {
            boolean hex = fields[i].startsWith("#");
            names[i] = hex ? fields[i].substring(1) : fields[i];
            bases[i] = hex ? Base.HEX : Base.DECIMAL;
        }
        return new TraceEventType(name, List.of(names), bases, Collections.nCopies(fields.length, NO_WORDS));
    }

    /**
     * The kind, with words for the values of a field: sinks for people show them beside the number. They are no part of an event.
     *
     * @param words gives the word for a value, or null
     */
    public TraceEventType naming(String field, LongFunction<String> words) {
        List<LongFunction<String>> all = new ArrayList<>(names);
        all.set(fields.indexOf(field), words);
        return new TraceEventType(name, fields, bases, all);
    }

    /** The word for a field's value, or null if it has none. */
    public String word(int field, long value) {
        return names.get(field).apply(value);
    }

    public String name() {
        return name;
    }

    public List<String> fields() {
        return fields;
    }

    public Base base(int field) {
        return bases[field];
    }

    @Override
    public String toString() {
        return name + fields;
    }
}
