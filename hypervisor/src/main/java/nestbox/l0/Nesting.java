package nestbox.l0;

import nestbox.mmu.core.NestedFault;

/**
 * What a vCPU asks of its guest's virtualization extension, which L0 emulates: nested VMX or nested SVM. The object is also the
 * {@link nestbox.x86.VirtualizationExtension} of the guest's processor, so that emulated instructions reach it.
 */
public interface Nesting {
    /** L2 runs: the guest's registers are L2's. */
    boolean guestMode();

    /** L1 runs L2 on EPT12 or NPT12, and L2 runs. */
    boolean nestedTdp();

    /** EPTP12 or nCR3. */
    long nestedRoot();

    /** CR4 of L1 while L2 runs. */
    long hostCr4();

    /** EFER of L1 while L2 runs. */
    long hostEfer();

    /** L2 was left for something that L1 wants to see: the exit is made. False if it is L0's. */
    boolean reflect(Exit exit);

    /** L0 has an exception for L2 that L1 intercepts: the exit is made. */
    boolean reflectException(int vector, boolean hasErrorCode, long errorCode, long detail);

    /** EPT12 or NPT12 does not permit an access of L2. */
    void reflect(NestedFault fault);

    /** The silicon refused the entry into L2, which L0's checks had let pass (VMfail). */
    void entryFailed(long error);

    /** An interrupt for L1's APIC is pending while L2 runs, and nothing is being injected; true if it became an exit. */
    boolean interrupt();

    /** An NMI is pending while L2 runs; true if it became an exit. */
    boolean nmi();

    /** Interrupts and NMIs wait, whatever the flags of the processor say (SVM's GIF is clear). */
    default boolean eventsHeld() {
        return false;
    }

    /** L2 shuts down; true if it became an exit. */
    default boolean shutdown() {
        return false;
    }

    /** Interrupts leave L2 whatever its flag says. */
    boolean interruptsExit();
}
