package nestbox.mmu.core;

/** What a translation for the emulator comes to. */
public sealed interface Translation {
    /**
     * It is permitted.
     *
     * @param gpa L1-physical address
     * @param mmio the MMIO cache knows that no memory lies there
     */
    record Mapped(Gpa gpa, boolean mmio) implements Translation {}

    /** #PF for the guest that runs. */
    record PageFault(Gva address, int errorCode) implements Translation {}

    /** The second stage of L1 refuses: exit to L1. */
    record Refused(NestedFault fault) implements Translation {}
}
