package nestbox.vmx.vmcs;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The bit fields of a word: names, positions, and names of values. Bits that no field covers are reserved and 0. */
public final class BitLayout {
    /**
     * One bit field.
     *
     * @param high highest bit
     * @param low lowest bit
     * @param values names of values; may be empty
     */
    public record BitField(String name, int high, int low, Map<Long, String> values) {
        /** The field's value in a word. */
        public long of(long word) {
            return word >>> low & mask();
        }

        long mask() {
            return -1L >>> (63 - (high - low));
        }
    }

    private final String name;
    private final List<BitField> fields = new ArrayList<>();

    private BitLayout(String name) {
        this.name = name;
    }

    static BitLayout named(String name) {
        return new BitLayout(name);
    }

    /** A row of the table; {@code values} name the field's values 0, 1, 2... ({@code null} for those without a name). */
    BitLayout bits(int high, int low, String field, String... values) {
        Map<Long, String> names = new TreeMap<>();
        for (int i = 0; i < values.length; i++) {
            if (values[i] != null) {
                names.put((long) i, values[i]);
            }
        }
        fields.add(new BitField(field, high, low, names));
        return this;
    }

    BitLayout bit(int position, String field) {
        return bits(position, position, field);
    }

    public String name() {
        return name;
    }

    /** The rows, from bit 0 up. */
    public List<BitField> fields() {
        return List.copyOf(fields);
    }

    /** The bits that some field covers. */
    public long covered() {
        long covered = 0;
        for (BitField field : fields) {
            covered |= field.mask() << field.low();
        }
        return covered;
    }

    /** The word as text: every field that is not 0, flags by their name alone. */
    public String describe(long word) {
        List<String> parts = new ArrayList<>();
        for (BitField field : fields) {
            long value = field.of(word);
            String named = field.values().get(value);
            if (named != null) {
                parts.add(field.name() + "=" + named);
            } else if (value != 0) {
                boolean flag = field.high() == field.low();
                parts.add(flag ? field.name() : field.name() + "=0x" + Long.toHexString(value));
            }
        }
        if ((word & ~covered()) != 0) {
            parts.add("reserved=0x" + Long.toHexString(word & ~covered()));
        }
        return String.join(" ", parts);
    }
}
