package nestbox.svm.l0;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import nestbox.l0.EntryFailure;
import nestbox.l0.EntryStepRow;

/** The steps of L1's VMRUN, in KVM's order (facts E.1, E.2). SVM has no list of MSRs to load. */
enum SvmEntryStep implements EntryStepRow {
    COPY("vmcb12 is copied"),
    CHECK("controls and state of the copy are checked"),
    REQUESTS("L1's local TLB requests are served"),
    SNAPSHOT("L1's registers are noted, CR3 and PDPTEs among them"),
    GUEST_MODE("the vCPU is L2"),
    MERGE("vmcb02's controls are merged of vmcb01's and vmcb12's, and so are the permission maps"),
    LOAD_STATE("L2's registers are loaded"),
    PDPTES("L2's PDPTEs are loaded, without nested paging"),
    MMU("L2's MMU and root are chosen, and what the transition flushes"),
    EVENTS("the event to inject is queued"),
    HARDWARE("the silicon enters with vmcb02");

    private final String meaning;

    SvmEntryStep(String meaning) {
        this.meaning = meaning;
    }

    static SvmEntryStep named(String id) {
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
        return EnumSet.complementOf(EnumSet.of(EntryFailure.MSR_LOAD));
    }
}
