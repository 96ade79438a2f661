package nestbox.vmx.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;

/** What L0 does not offer L1, whatever its CPU model says: a capability MSR hides it, so that it cannot be asked for. */
final class NestedOffer {
    private static final Set<VmxFeature> WITHHELD = withheld();

    private NestedOffer() {}

    /** What is offered of the features that a guest's model names. */
    static Set<VmxFeature> of(Set<VmxFeature> named, boolean ept) {
        EnumSet<VmxFeature> offer = EnumSet.copyOf(named);
        offer.removeAll(WITHHELD);
        if (!ept) {
            offer.remove(VmxFeature.ENABLE_EPT);
            offer.remove(VmxFeature.UNRESTRICTED_GUEST);
            offer.remove(VmxFeature.INVEPT);
            offer.removeIf(feature ->
                    feature.name().startsWith("EPT_") || feature.name().startsWith("INVEPT"));
        }
        return offer;
    }

    private static Set<VmxFeature> withheld() {
        EnumSet<VmxFeature> set = EnumSet.of(
                VmxFeature.PREEMPTION_TIMER,
                VmxFeature.SAVE_PREEMPTION_TIMER,
                VmxFeature.POSTED_INTERRUPTS,
                VmxFeature.VIRTUALIZE_APIC_ACCESSES,
                VmxFeature.VIRTUALIZE_X2APIC_MODE,
                VmxFeature.APIC_REGISTER_VIRTUALIZATION,
                VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
                VmxFeature.PAUSE_LOOP_EXITING,
                VmxFeature.ENABLE_VM_FUNCTIONS,
                VmxFeature.EPTP_SWITCHING,
                VmxFeature.VMCS_SHADOWING,
                VmxFeature.ENABLE_PML,
                VmxFeature.EPT_VIOLATION_VE,
                VmxFeature.MODE_BASED_EXECUTE,
                VmxFeature.SUB_PAGE_WRITE_PERMISSION,
                VmxFeature.USER_WAIT_AND_PAUSE,
                VmxFeature.INSTRUCTION_TIMEOUT,
                VmxFeature.TSC_SCALING,
                VmxFeature.EPT_WALK_5,
                VmxFeature.SECONDARY_EXIT_CONTROLS,
                VmxFeature.TERTIARY_CONTROLS,
                VmxFeature.ENTRY_LOAD_PERF_GLOBAL_CTRL,
                VmxFeature.EXIT_LOAD_PERF_GLOBAL_CTRL,
                VmxFeature.EXIT_SAVE_PERF_GLOBAL_CTRL,
                VmxFeature.ENTRY_LOAD_BNDCFGS,
                VmxFeature.CLEAR_BNDCFGS,
                VmxFeature.ENTRY_LOAD_CET,
                VmxFeature.EXIT_LOAD_CET,
                VmxFeature.ENTRY_LOAD_PKRS,
                VmxFeature.EXIT_LOAD_PKRS,
                VmxFeature.ENABLE_XSAVES,
                VmxFeature.ACTIVITY_SHUTDOWN);
        for (VmxFeature feature : VmxFeature.values()) {
            boolean rare = feature.word() == CapabilityWord.TERTIARY
                    || feature.word() == CapabilityWord.EXIT2
                    || feature.word() == CapabilityWord.VMFUNC;
            if (rare) {
                set.add(feature);
            }
        }
        return set;
    }
}
