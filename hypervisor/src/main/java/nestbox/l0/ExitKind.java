package nestbox.l0;

/** What an exit means to L0, whatever the vendor calls it. */
public enum ExitKind {
    /** The host's own interrupt: nothing of the guest's. */
    HOST_INTERRUPT,
    /** An NMI of the host. */
    HOST_NMI,
    /** An exception that L0 intercepts. */
    EXCEPTION,
    /** #PF under shadow paging, an EPT violation or NPF. */
    PAGE_FAULT,
    /** An entry that L0 wrote for MMIO: EPT misconfiguration. */
    MISCONFIG,
    /** The instruction at RIP has to be emulated. */
    INSTRUCTION,
    HYPERCALL,
    /** A task switch, by the instruction at RIP or by the event that was being delivered. */
    TASK_SWITCH,
    /** The guest can take interrupts now. */
    INTERRUPT_WINDOW,
    NMI_WINDOW,
    TRIPLE_FAULT,
    /** The silicon found guest state that it cannot run. */
    INVALID_STATE,
    /** The silicon refused the entry: a defect of L0 or of a policy. */
    ENTRY_FAILED
}
