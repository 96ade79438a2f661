package nestbox.l0;

import nestbox.l0.ledger.World;
import nestbox.mmu.core.NestedFault;
import nestbox.mmu.core.Ngpa;

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

    /** L2, as those see it who judge its translations. */
    World world();

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

    /** The processor's whole state has been restored: if L2 ran, its control structure is made anew. */
    void resume();

    /** KVM_GET_NESTED_STATE; L2's registers are the processor's. */
    NestedState nestedState();

    /**
     * KVM_SET_NESTED_STATE; the registers of L2, if it runs, have been put in place before.
     *
     * @throws nestbox.core.NestboxException naming the check that refuses the state
     */
    void setNestedState(NestedState state);

    /** Interrupts leave L2 whatever its flag says. */
    boolean interruptsExit();

    /**
     * An exit that is no interrupt's and no NMI's is due before L2's next instruction: by the monitor trap flag or the preemption
     * timer.
     */
    default boolean exitDue() {
        return false;
    }

    /** Makes the exit that {@link #exitDue} announced. */
    default void takeExit() {}

    /** A walk of EPT12 sets a dirty flag; false if L1's page-modification log is full. */
    default boolean logDirty(Ngpa address) {
        return true;
    }

    /** Debug traps on L2's last instruction wait: the exit that is due comes first. */
    default boolean trapsWait() {
        return false;
    }

    /** L0 has emulated an instruction of L2. */
    default void emulated() {}

    /** An entry into L2 was emulated, and hardware has yet to make it: L2 cannot be left before. */
    default boolean entryPending() {
        return false;
    }

    /** Something of L2's own ends its HLT: a virtual interrupt. */
    default boolean wakesFromHalt() {
        return false;
    }
}
