package nestbox.l0;

import java.util.List;
import java.util.Set;
import nestbox.mmu.core.MmuConfig;

/** VMX or SVM, as L0 finds it on its silicon. */
public interface VendorBackendFactory {
    /** Tables that this silicon walks for a guest, with or without EPT or nested paging. */
    MmuConfig mmu(L0Config config);

    /** Turns the extension on in a host processor and makes the control structure of its vCPU. */
    VendorBackend create(Vcpu vcpu, HostProcessor host);

    /** An exit's reason as KVM's tracepoints name it. */
    default String exitName(long code) {
        return "0x" + Long.toHexString(code);
    }

    /** Ids of the checks of its guests' nested entries that L0 makes itself, and policies can leave out. */
    Set<String> ownChecks();

    /** The steps of a nested entry, in order. */
    List<? extends EntryStepRow> entrySteps();
}
