package nestbox.mmu.core;

/** The state of a vCPU that a policy may look at. */
public interface PolicyContext {
    /** L0 uses EPT or nested paging. */
    boolean tdp();

    /** CR0.PG of the guest that runs. */
    boolean paging();

    boolean guestMode();

    boolean smm();

    /** The MMU in use shadows EPT12 or NPT12, so that fault addresses are nGPAs. */
    boolean nested();

    /** The MMU in use shadows no guest tables. */
    boolean direct();
}
