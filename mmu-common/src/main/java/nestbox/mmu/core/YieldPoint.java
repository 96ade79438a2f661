package nestbox.mmu.core;

/** Places at which another vCPU of a real machine could get in between. */
public enum YieldPoint {
    /** The slots' generation says that an update is in progress. */
    SLOTS_IN_PROGRESS,
    /** A slot that goes away or moves is marked invalid; its translations are about to be zapped. */
    SLOT_INVALID,
    /** The new slots are in force, the generation is not yet final. */
    SLOTS_INSTALLED,
    /** The guest's tables have been walked, the MMU's lock is not yet taken. */
    FAULT_BEFORE_LOCK,
    /** PDPTEs have been read, shadow roots are not yet made. */
    ROOTS_BEFORE_LOCK,
    /** L0 has copied and checked vmcb12 of a VMRUN, and has not used it yet. */
    VMCB12_CHECKED,
    /** Zapping pauses between two batches. */
    ZAP_BATCH
}
