package nestbox.vmx.check;

/**
 * Groups of VM-entry checks, in the manual's order. A group is what VM entry runs or skips as a whole: one that passed need
 * not run again until something that its rows read has changed.
 */
public enum CheckGroup {
    BASIC(Phase.BASIC, "Basic VM-Entry Checks"),
    EXECUTION_CONTROLS(Phase.CONTROLS_AND_HOST, "VM-Execution Control Fields"),
    VIRTUAL_APIC(Phase.CONTROLS_AND_HOST, "VM-Execution Control Fields"),
    EXIT_CONTROLS(Phase.CONTROLS_AND_HOST, "VM-Exit Control Fields"),
    ENTRY_CONTROLS(Phase.CONTROLS_AND_HOST, "VM-Entry Control Fields"),
    EVENT_INJECTION(Phase.CONTROLS_AND_HOST, "VM-Entry Control Fields"),
    HOST_REGISTERS(Phase.CONTROLS_AND_HOST, "Checks on Host Control Registers, MSRs, and SSP"),
    HOST_SEGMENTS(Phase.CONTROLS_AND_HOST, "Checks on Host Segment and Descriptor-Table Registers"),
    ADDRESS_SPACE(Phase.CONTROLS_AND_HOST, "Checks Related to Address-Space Size"),
    GUEST_REGISTERS(Phase.GUEST, "Checks on Guest Control Registers, Debug Registers, and MSRs"),
    GUEST_SEGMENTS(Phase.GUEST, "Checks on Guest Segment Registers"),
    GUEST_TABLES(Phase.GUEST, "Checks on Guest Descriptor-Table Registers"),
    GUEST_RIP_RFLAGS(Phase.GUEST, "Checks on Guest RIP, RFLAGS, and SSP"),
    GUEST_NON_REGISTER(Phase.GUEST, "Checks on Guest Non-Register State"),
    VMCS_LINK(Phase.GUEST, "Checks on Guest Non-Register State"),
    GUEST_PDPTES(Phase.GUEST, "Checks on Guest Page-Directory-Pointer-Table Entries"),
    MSR_LOADING(Phase.MSR_LOADING, "Loading MSRs");

    /** Classes of checks; within one the manual allows any order, between them it does not. */
    public enum Phase {
        BASIC,
        CONTROLS_AND_HOST,
        GUEST,
        MSR_LOADING
    }

    private final Phase phase;
    private final String section;

    CheckGroup(Phase phase, String section) {
        this.phase = phase;
        this.section = section;
    }

    public Phase phase() {
        return phase;
    }

    /** Title of the section in SDM Vol. 3, chapter "VM Entries". */
    public String section() {
        return section;
    }

    /** The group as a set, for {@link nestbox.vmx.vmcs.Vmcs#stale}. */
    public long mask() {
        return 1L << ordinal();
    }
}
