package nestbox.x86.insn;

import java.util.Map;

/**
 * An assembled program.
 *
 * @param origin address of the first byte
 * @param bytes the program
 * @param labels addresses of its labels
 */
public record Assembly(long origin, byte[] bytes, Map<String, Long> labels) {
    /** Address of a label. */
    public long address(String label) {
        Long address = labels.get(label);
        if (address == null) {
            throw new IllegalArgumentException("no label " + label);
        }
        return address;
    }
}
