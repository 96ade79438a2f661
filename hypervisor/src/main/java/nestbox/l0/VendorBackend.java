package nestbox.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.core.RootToLoad;

/**
 * The seam between L0 and VMX or SVM: what a vCPU needs of its control structure (vmcs01, vmcb01) and of the processor. The guest's
 * registers are those of {@link Vcpu#guest}; a backend moves them, and never decides anything about the guest.
 */
public interface VendorBackend {
    /** Makes the control structure anew, after a reset of the guest. */
    void reset();

    /** Moves groups of registers from the control structure into L0's copy. */
    void fetch(int groups);

    /** Moves groups of registers from L0's copy into the control structure, those that differ. */
    void store(int groups);

    /** Whether the silicon can run the guest's present state; else L0 must emulate until it can. */
    boolean canRun();

    /** The root that hardware walks from. */
    void setRoot(RootToLoad root);

    /**
     * Enters the guest and lets it run; general registers are the processor's already.
     *
     * @return true if it was left, false if {@code budget} ticks passed before
     */
    boolean enter(long budget);

    /**
     * The next entry is left before the guest's first instruction, behind what it injects; false if only an interrupt of the host can
     * end it, for which the caller cares.
     */
    default boolean leaveAtOnce() {
        return false;
    }

    /** Decodes the exit that ended {@link #enter}, and puts into L0's copy what general registers the exit did not leave there. */
    void decode(Exit exit);

    /** The event in whose delivery the exit happened, which must be injected again. */
    void vectoring(Event event);

    /** Injects an event at the next entry. */
    void inject(Event event);

    /**
     * The machine's own NMI is about to be injected, and blocks others. One that L1 injects into L2 does not come here: EVENTINJ
     * blocks none, and a VM entry blocks them in hardware.
     */
    default void nmiTaken() {}

    void setInterruptWindow(boolean on);

    void setNmiWindow(boolean on);

    /** Drops every translation of this guest. */
    void flushAll();

    /** Drops the translations of the context that runs. */
    void flushCurrent();

    /** Drops the linear and combined translations of the VPID or ASID that runs. */
    void flushGuest();

    /** Drops the translations of one linear address in the context that runs. */
    void flushAddress(long linear);

    /** Writes what the guest can change and neither its processor nor the machine's memory holds. */
    default void save(StateWriter out) {}

    /** Reads back what {@link #save} wrote. */
    default void restore(StateReader in) {}
}
