package nestbox.vmx.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.vmx.capability.VmxFeature;

/**
 * What L0 offers L1 of VMX, as KVM's nested_vmx_setup_ctls_msrs does: a capability MSR hides everything else, so that it cannot
 * be asked for. Enlightened VMCS is not among it.
 */
final class NestedOffer {
    /** Carried by the silicon while L2 runs: offered if it has them, too. */
    private static final Set<VmxFeature> OF_SILICON = EnumSet.of(
            VmxFeature.INS_OUTS_INFORMATION,
            VmxFeature.ANY_ERROR_CODE,
            VmxFeature.EXTERNAL_INTERRUPT_EXITING,
            VmxFeature.NMI_EXITING,
            VmxFeature.VIRTUAL_NMIS,
            VmxFeature.POSTED_INTERRUPTS,
            VmxFeature.INTERRUPT_WINDOW_EXITING,
            VmxFeature.TSC_OFFSETTING,
            VmxFeature.HLT_EXITING,
            VmxFeature.INVLPG_EXITING,
            VmxFeature.MWAIT_EXITING,
            VmxFeature.RDPMC_EXITING,
            VmxFeature.RDTSC_EXITING,
            VmxFeature.CR3_LOAD_EXITING,
            VmxFeature.CR3_STORE_EXITING,
            VmxFeature.CR8_LOAD_EXITING,
            VmxFeature.CR8_STORE_EXITING,
            VmxFeature.TPR_SHADOW,
            VmxFeature.NMI_WINDOW_EXITING,
            VmxFeature.MOV_DR_EXITING,
            VmxFeature.UNCONDITIONAL_IO_EXITING,
            VmxFeature.MONITOR_TRAP_FLAG,
            VmxFeature.MONITOR_EXITING,
            VmxFeature.PAUSE_EXITING,
            VmxFeature.SECONDARY_CONTROLS,
            VmxFeature.VIRTUALIZE_APIC_ACCESSES,
            VmxFeature.DESCRIPTOR_TABLE_EXITING,
            VmxFeature.ENABLE_RDTSCP,
            VmxFeature.VIRTUALIZE_X2APIC_MODE,
            VmxFeature.WBINVD_EXITING,
            VmxFeature.APIC_REGISTER_VIRTUALIZATION,
            VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
            VmxFeature.RDRAND_EXITING,
            VmxFeature.ENABLE_INVPCID,
            VmxFeature.RDSEED_EXITING,
            VmxFeature.ENABLE_XSAVES,
            VmxFeature.TSC_SCALING,
            VmxFeature.STORE_LMA);

    /** Carried by L0's emulation alone. */
    private static final Set<VmxFeature> OF_SOFTWARE = EnumSet.of(
            VmxFeature.TRUE_CONTROLS,
            VmxFeature.PREEMPTION_TIMER,
            VmxFeature.IO_BITMAPS,
            VmxFeature.MSR_BITMAPS,
            VmxFeature.ENABLE_VPID,
            VmxFeature.VMCS_SHADOWING,
            VmxFeature.SAVE_DEBUG_CONTROLS,
            VmxFeature.HOST_ADDRESS_SPACE_SIZE,
            VmxFeature.ACKNOWLEDGE_INTERRUPT,
            VmxFeature.EXIT_SAVE_PAT,
            VmxFeature.EXIT_LOAD_PAT,
            VmxFeature.EXIT_SAVE_EFER,
            VmxFeature.EXIT_LOAD_EFER,
            VmxFeature.SAVE_PREEMPTION_TIMER,
            VmxFeature.LOAD_DEBUG_CONTROLS,
            VmxFeature.IA32E_MODE_GUEST,
            VmxFeature.ENTRY_LOAD_PAT,
            VmxFeature.ENTRY_LOAD_EFER,
            VmxFeature.ACTIVITY_HLT,
            VmxFeature.ACTIVITY_WAIT_FOR_SIPI,
            VmxFeature.VMWRITE_EXIT_FIELDS,
            VmxFeature.INVVPID,
            VmxFeature.INVVPID_ADDRESS,
            VmxFeature.INVVPID_SINGLE,
            VmxFeature.INVVPID_ALL,
            VmxFeature.INVVPID_SINGLE_RETAINING_GLOBALS);

    /** Offered where L0 itself uses EPT, with what its shadow of EPT12 can express. */
    private static final Set<VmxFeature> OF_EPT = EnumSet.of(
            VmxFeature.ENABLE_EPT,
            VmxFeature.ENABLE_VM_FUNCTIONS,
            VmxFeature.EPTP_SWITCHING,
            VmxFeature.ENABLE_PML,
            VmxFeature.EPT_ACCESSED_DIRTY,
            VmxFeature.EPT_WALK_4,
            VmxFeature.EPT_WRITE_BACK,
            VmxFeature.EPT_2MB,
            VmxFeature.EPT_1GB,
            VmxFeature.INVEPT,
            VmxFeature.INVEPT_SINGLE,
            VmxFeature.INVEPT_ALL);

    /** As {@link #OF_EPT}, if the silicon has them. */
    private static final Set<VmxFeature> OF_EPT_SILICON =
            EnumSet.of(VmxFeature.UNRESTRICTED_GUEST, VmxFeature.EPT_EXECUTE_ONLY, VmxFeature.EPT_WALK_5);

    private NestedOffer() {}

    /**
     * What is offered of the features that a guest's model names.
     *
     * @param silicon what the processor below L0 has
     * @param ept L0 uses EPT
     */
    static Set<VmxFeature> of(Set<VmxFeature> named, Set<VmxFeature> silicon, boolean ept) {
        EnumSet<VmxFeature> offer = EnumSet.copyOf(OF_SILICON);
        if (ept) {
            offer.addAll(OF_EPT_SILICON);
        }
        offer.retainAll(silicon);
        offer.addAll(OF_SOFTWARE);
        if (ept) {
            offer.addAll(OF_EPT);
        }
        offer.retainAll(named);
        return offer;
    }
}
