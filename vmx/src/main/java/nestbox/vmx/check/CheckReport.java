package nestbox.vmx.check;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code nestbox check} tells: how the entry ends, and every check that fails. */
public final class CheckReport {
    private final CheckFailure first;
    private final List<CheckFailure> all;

    private CheckReport(CheckFailure first, List<CheckFailure> all) {
        this.first = first;
        this.all = List.copyOf(all);
    }

    /** Checks a VMCS; {@code order} decides which failure software sees where the manual lets several be first. */
    public static CheckReport of(CheckContext context, CheckOrder order) {
        return new CheckReport(EntryChecks.first(context, order), EntryChecks.all(context));
    }

    /** Whether the entry succeeds. */
    public boolean passed() {
        return first == null;
    }

    /** The failure that software sees; null if the entry succeeds. */
    public CheckFailure first() {
        return first;
    }

    /** Every check that fails, in the manual's order. */
    public List<CheckFailure> all() {
        return all;
    }

    /** Lines for people. */
    public String text() {
        if (passed()) {
            return "VM entry succeeds: " + EntryChecks.rows().size() + " checks pass\n";
        }
        StringBuilder text =
                new StringBuilder("VM entry fails: " + first.failure().text() + "\n");
        all.forEach(failure -> text.append("  ").append(failure.text()).append('\n'));
        return text.toString();
    }

    /** The report as plain maps, lists, text and numbers, for JSON. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("succeeds", passed());
        map.put("outcome", passed() ? "VM entry" : first.failure().text());
        map.put("failures", all.stream().map(CheckReport::toMap).toList());
        return map;
    }

    private static Map<String, Object> toMap(CheckFailure failure) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("check", failure.row().id());
        map.put("section", failure.row().group().section());
        map.put("rule", failure.row().rule());
        map.put("outcome", failure.failure().text());
        map.put("kind", failure.failure().kind().name());
        map.put("number", failure.failure().number());
        map.put("qualification", failure.failure().qualification());
        map.put("verified", failure.row().verified());
        Map<String, String> fields = new LinkedHashMap<>();
        failure.values().forEach((field, value) -> fields.put(field.name(), "0x" + Long.toHexString(value)));
        map.put("fields", fields);
        return map;
    }
}
