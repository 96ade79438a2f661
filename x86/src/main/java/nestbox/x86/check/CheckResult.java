package nestbox.x86.check;

import java.util.List;
import java.util.Map;

/**
 * What checking a control structure found.
 *
 * @param checks how many checks there are
 * @param outcome what software sees, in words ({@code VM entry}, {@code VMfailValid(7)}, {@code VMEXIT_INVALID})
 * @param seen id of the failed check that software sees; empty if all pass
 * @param failures every check that fails, in the manual's order
 */
public record CheckResult(int checks, String outcome, String seen, List<Failed> failures) {
    /**
     * A check that fails.
     *
     * @param id stable name, {@code area.subject.aspect}
     * @param section manual, volume and title of the section that demands it
     * @param rule what it demands
     * @param outcome what software sees if this check fails first
     * @param verified false if the manual's text could not be read
     * @param fields the fields that the check reads, with their values
     */
    public record Failed(
            String id, String section, String rule, String outcome, boolean verified, Map<String, Long> fields) {}

    public CheckResult {
        failures = List.copyOf(failures);
    }

    public boolean passed() {
        return failures.isEmpty();
    }
}
