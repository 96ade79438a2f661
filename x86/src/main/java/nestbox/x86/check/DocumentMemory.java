package nestbox.x86.check;

import java.util.HashMap;
import java.util.Map;

/** The {@code memory} part of a {@link StateDocument}: a physical address to the 64-bit value there; the rest of memory is 0. */
public final class DocumentMemory {
    private final Map<Long, Long> bytes = new HashMap<>();

    /** Takes an entry over; says what is wrong with it, or null. */
    public String take(StateDocument.Entry entry) {
        Long address = StateDocument.number(entry.key());
        Long number = entry.number();
        if (address == null || number == null) {
            return address == null ? "not an address" : "'" + entry.value() + "' is not a number";
        }
        for (int i = 0; i < Long.BYTES; i++) {
            bytes.put(address + i, number >>> 8 * i & 0xff);
        }
        return null;
    }

    /** The zero-extended value of up to 8 bytes. */
    public long read(long address, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= bytes.getOrDefault(address + i, 0L) << 8 * i;
        }
        return value;
    }
}
