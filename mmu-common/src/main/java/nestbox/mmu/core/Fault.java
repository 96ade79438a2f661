package nestbox.mmu.core;

/** A page fault while it is handled; one object for each vCPU, used again and again. */
final class Fault {
    /** How a step of the handling ended. */
    enum Outcome {
        CONTINUE,
        RETRY,
        EMULATE,
        WRITE_PROTECTED,
        INVALID,
        FIXED,
        SPURIOUS,
        /** See {@link Fault#result}. */
        OTHER
    }

    FaultAddress address;
    long errorCode;
    boolean present;
    boolean write;
    boolean fetch;
    boolean user;
    boolean reserved;
    boolean isPrivate;
    /** Guest frame that the address translates to. */
    long gfn;

    /** {@link MmuVm#changes} before the slot was looked up. */
    long changes;

    MemorySlot slot;
    /** Host address of {@link #gfn}. */
    long hpa;
    /** Largest level that the guest's own page allows. */
    int maxLevel;
    /** The EMULATE outcome is due to missing memory. */
    boolean mmio;

    FaultResult result;

    void set(FaultAddress faulting, long code) {
        address = faulting;
        errorCode = code;
        present = (code & PfError.PRESENT) != 0;
        write = (code & PfError.WRITE) != 0;
        fetch = (code & PfError.FETCH) != 0;
        user = (code & PfError.USER) != 0;
        reserved = (code & PfError.RSVD) != 0;
        isPrivate = (code & PfError.PRIVATE_ACCESS) != 0;
        slot = null;
        hpa = -1;
        maxLevel = MemorySlot.LEVELS;
        mmio = false;
        result = null;
    }

    Outcome other(FaultResult value) {
        result = value;
        return Outcome.OTHER;
    }
}
