package nestbox.mmu.core;

/** What a page fault comes to. */
public sealed interface FaultResult {
    /** The guest goes on; the difference is only counted. */
    enum Resume implements FaultResult {
        /** The state has changed since the fault: let hardware try again. */
        RETRY,
        /** A translation was made or widened. */
        FIXED,
        /** The tables permitted the access already. */
        SPURIOUS
    }

    /** Why an instruction must be emulated. */
    enum Reason {
        /** No memory slot: a device of the hypervisor, or nothing. */
        MMIO,
        /** It writes to a page that holds guest tables which are shadowed. */
        WRITE_PROTECTED,
        /** It writes to a read-only slot, or to a page that must not be cached as MMIO. */
        UNMAPPABLE
    }

    /**
     * Emulate the instruction.
     *
     * @param reason why
     * @param mayRetry unprotecting the page ({@link MmuVcpu#unprotect}) and trying again is as good, if it cannot be emulated
     */
    record Emulate(Reason reason, boolean mayRetry) implements FaultResult {}

    /** Inject #PF into the guest that runs (or make it a nested exit). */
    record GuestPageFault(Gva address, int errorCode) implements FaultResult {}

    /** EPT12 or NPT12 does not permit the access: reflect it to L1. */
    record Reflect(NestedFault fault) implements FaultResult {}

    /**
     * KVM_EXIT_MEMORY_FAULT with -EFAULT: a private page behind a shared access, or no private backing.
     *
     * @param isPrivate the access was to private memory
     */
    record MemoryFault(Gpa gpa, long size, boolean isPrivate) implements FaultResult {}

    /** KVM would WARN and return -EIO or -EINVAL: a defect of the hypervisor, or of a policy that is wrong on purpose. */
    record InternalError(String what) implements FaultResult {}
}
