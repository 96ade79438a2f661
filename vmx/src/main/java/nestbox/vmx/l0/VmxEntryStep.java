package nestbox.vmx.l0;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import nestbox.l0.EntryFailure;
import nestbox.l0.EntryStepRow;

/** The steps of VMLAUNCH and VMRESUME of L1, in KVM's order (facts D.2). */
enum VmxEntryStep implements EntryStepRow {
    CHECK_CONTROLS("controls and host state of vmcs12 are checked"),
    REQUESTS("L1's local TLB requests are served"),
    SNAPSHOT("L1's registers are noted, CR3 and PDPTEs among them"),
    VMCS02("vmcs02 becomes current"),
    MERGE("vmcs02's controls are merged of vmcs01's and vmcs12's"),
    PAGES("pages that vmcs12 points to are mapped"),
    CHECK_GUEST("L2's state is checked"),
    GUEST_MODE("the vCPU is L2"),
    LOAD_STATE("L2's registers and PDPTEs are loaded"),
    MSR_LOAD("the MSRs of the entry list are loaded"),
    MMU("L2's MMU and root are chosen, and what the transition flushes"),
    EVENTS("the event to inject is queued"),
    HARDWARE("the silicon enters with vmcs02");

    private final String meaning;

    VmxEntryStep(String meaning) {
        this.meaning = meaning;
    }

    static VmxEntryStep named(String id) {
        return valueOf(id.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    @Override
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    @Override
    public String meaning() {
        return meaning;
    }

    @Override
    public Set<EntryFailure> failures() {
        EnumSet<EntryFailure> all = EnumSet.allOf(EntryFailure.class);
        if (compareTo(MSR_LOAD) < 0) {
            // The list comes behind L2's state.
            all.remove(EntryFailure.MSR_LOAD);
        }
        return all;
    }
}
