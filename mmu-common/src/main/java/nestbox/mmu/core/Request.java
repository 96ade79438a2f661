package nestbox.mmu.core;

/**
 * What a vCPU must do before it enters the guest again, in the order in which it must do it. The hypervisor's run loop services
 * requests; the remarks say what servicing means.
 */
public enum Request {
    /** {@link MmuVcpu#freeObsoleteRoots}. */
    MMU_FREE_OBSOLETE_ROOTS,
    /** {@link MmuVcpu#syncRoots}. */
    MMU_SYNC,
    /** Write {@link MmuVcpu#currentRoot} into CR3, nCR3 or EPTP. */
    LOAD_MMU_PGD,
    /** Flush all hardware translations of this vCPU, whatever their tag. */
    TLB_FLUSH,
    /** Flush the hardware translations of the context that runs: its root, VPID or ASID. To be done before L1 and L2 change. */
    TLB_FLUSH_CURRENT,
    /**
     * The guest asked for a flush of its linear addresses: {@link MmuVcpu#flushGuest}, then flush the hardware's linear and
     * combined mappings of the VPID or ASID that runs. To be done before L1 and L2 change.
     */
    TLB_FLUSH_GUEST
}
