package nestbox.mmu.core;

/**
 * What the MMU core sees of a vCPU: registers of the guest that runs at this moment (L2's in guest mode), and how L1 runs L2.
 * The core reads it whenever it needs it and keeps copies only in roles; so after each change one of the event methods of
 * {@link MmuVcpu} has to be called.
 */
public interface GuestContext {
    long cr0();

    long cr3();

    long cr4();

    long efer();

    /** A PDPTE register of PAE paging, as loaded last. */
    long pdpte(int index);

    /** EFLAGS.AC, which lifts SMAP for explicit supervisor accesses. */
    boolean ac();

    int cpl();

    long pkru();

    long pkrs();

    /** L2 runs. Must be true before the MMU of L2 is set up. */
    boolean guestMode();

    boolean smm();

    /** L1 runs L2 on EPT or nested paging, and L2 runs. */
    boolean nestedTdp();

    /** EPTP12 or nCR3, with {@link #nestedTdp}. */
    long nestedRoot();

    /** CR4 of L1, whose paging mode NPT12 has. */
    long hostCr4();

    /** EFER of L1, whose paging mode NPT12 has. */
    long hostEfer();

    /**
     * A walk of EPT12 is about to set a dirty flag: L1's page-modification log, if there is one, is to be written.
     *
     * @return false if the log is full; the flag is not set then, and the fault is {@link NestedFault.Kind#PML_FULL}
     */
    default boolean logNestedDirty(Ngpa address) {
        return true;
    }

    /** An event is being delivered again, so that an instruction must not be retried into it. */
    boolean eventReinjected();

    /** Of the instruction that faulted, to notice that unprotecting a page did not help it. */
    long rip();
}
