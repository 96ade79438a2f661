package nestbox.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import nestbox.machine.Outcome;

/** A run told in numbered steps of L0, L1 and L2, for people who look for the cause of a failure. */
final class Steps {
    private static final int MOST = 60;
    private static final int SERIAL = 0x3f8;
    /** Events that repeat what another one says. */
    private static final Set<String> LEFT_OUT = Set.of(
            "kvm_mmu_pagetable_walk", "check_mmio_spte", "kvm_page_fault", "kvm_mmu_set_spte", "kvm_mmu_get_page");

    private final LabRun run;
    private final List<String> lines = new ArrayList<>();
    private String lastKind = "";
    private int again;

    private Steps(LabRun run) {
        this.run = run;
    }

    static String text(LabRun run) {
        return new Steps(run).tell();
    }

    private String tell() {
        for (RecordedEvent event : run.events()) {
            if (!LEFT_OUT.contains(event.name()) && !serial(event)) {
                add(event);
            }
        }
        closeRun();
        int first = Math.max(0, lines.size() - MOST);
        StringBuilder text = new StringBuilder();
        if (first > 0 || run.forgottenEvents() > 0) {
            text.append("  ... ").append(first).append(" steps before\n");
        }
        for (int i = first; i < lines.size(); i++) {
            text.append(String.format(Locale.ROOT, "%5d. %s%n", i + 1, lines.get(i)));
        }
        Outcome outcome = run.outcome();
        text.append("  It ended: ")
                .append(outcome == null ? "not at all" : ending(outcome))
                .append('\n');
        String printed = run.printed();
        if (!printed.isEmpty()) {
            text.append("  It printed:\n    ")
                    .append(printed.strip().replace("\n", "\n    "))
                    .append('\n');
        }
        return text.toString();
    }

    static String ending(Outcome outcome) {
        return switch (outcome.kind()) {
            case DEBUG_EXIT -> "debug exit with " + outcome.code();
            default ->
                outcome.kind().name().toLowerCase(Locale.ROOT).replace('_', ' ')
                        + (outcome.detail().isEmpty() ? "" : ": " + outcome.detail());
        };
    }

    private static boolean serial(RecordedEvent event) {
        boolean port = event.name().equals("port_write") || event.name().equals("port_read");
        return port && event.field("port") >> 3 == SERIAL >> 3;
    }

    /** Of more than three events of a kind in a row the first is told, and how many follow. */
    private void add(RecordedEvent event) {
        String kind = event.level() + event.name();
        if (kind.equals(lastKind)) {
            again++;
            if (again > 2) {
                return;
            }
        } else {
            closeRun();
            lastKind = kind;
            again = 0;
        }
        lines.add(words(event));
    }

    private void closeRun() {
        if (again > 2) {
            lines.add("   ... and " + (again - 2) + " more of these");
        }
        again = 0;
    }

    private String words(RecordedEvent event) {
        String who = "L" + event.level();
        return switch (event.name()) {
            case "kvm_entry" -> "L0 enters " + who + " at " + run.place(event.field("rip"));
            case "kvm_exit" ->
                who + " at " + run.place(event.field("rip")) + " leaves to L0: " + run.exitName(event.field("reason"))
                        + " info1=" + event.text("info1") + " info2=" + event.text("info2");
            case "kvm_nested_vmenter" -> "L0 carries out L1's entry into L2 at " + run.place(event.field("nested_rip"));
            case "kvm_nested_vmexit_inject" ->
                "L0 gives L1 the exit " + run.exitName(event.field("reason")) + " info1=" + event.text("info1");
            case "vm_entry" -> "L1 enters L2 at " + run.place(event.field("rip"));
            case "vmrun" -> "L1 runs L2 at " + run.place(event.field("rip")) + ", asid " + event.text("asid");
            case "vm_exit" ->
                "L2 leaves to L1: " + event.text("reason") + " qualification=" + event.text("qualification")
                        + ", L1 goes on at " + run.place(event.field("rip"));
            case "vmcs_read" ->
                who + " reads " + event.text("field") + " = 0x" + Long.toHexString(event.field("value"));
            case "vmcs_write" ->
                who + " writes " + event.text("field") + " = 0x" + Long.toHexString(event.field("value"));
            case "exception" ->
                who + " takes exception " + event.text("vector") + " error " + event.text("error_code") + " at "
                        + run.place(event.field("rip"));
            default -> who + ": " + event;
        };
    }
}
