package nestbox.vmx.check;

import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import nestbox.vmx.vmcs.VmcsField;

/**
 * A check that failed.
 *
 * @param row the check
 * @param failure how the entry fails by it
 * @param values the fields that the row reads, with their values
 */
public record CheckFailure(CheckRow row, Failure failure, Map<VmcsField, Long> values) {
    /** One line for people. */
    public String text() {
        String fields = values.entrySet().stream()
                .map(entry -> entry.getKey() + "=0x" + Long.toHexString(entry.getValue()))
                .collect(Collectors.joining(" "));
        return String.format(
                Locale.ROOT,
                "%s: %s: %s [%s] (SDM Vol. 3, \"%s\")%s",
                failure.text(),
                row.id(),
                row.rule(),
                fields,
                row.group().section(),
                row.verified() ? "" : " (unverified)");
    }
}
