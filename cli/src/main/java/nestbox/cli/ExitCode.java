package nestbox.cli;

import nestbox.machine.Outcome;

/**
 * The exit codes of {@code nestbox}. A guest that writes v to the debug-exit device ends with QEMU's {@code (v << 1) | 1},
 * which is odd; all codes of Nestbox itself are even.
 */
enum ExitCode {
    POWER_OFF(0, "the guest powered off, or the command has done its work"),
    BAD_INPUT(2, "bad option, CPU model or file"),
    CHECK_FAILED(4, "a check fails (nestbox check)"),
    TRIPLE_FAULT(64, "triple fault: a processor shut down"),
    HALTED(66, "every processor is halted for good"),
    LIMIT(68, "the limit of instructions is used up"),
    UNSUPPORTED(70, "the guest used something that Nestbox does not implement"),
    RESET(72, "the guest reset the machine"),
    HYPERVISOR(76, "L0 gave its guest up, where KVM exits to userspace"),
    TLB_CHECK(78, "a stale translation was used that had to be gone (--check tlb)"),
    INTERNAL(74, "an error in Nestbox itself"),
    INTERRUPTED(130, "interrupted by Ctrl-C");

    final int code;
    final String meaning;

    ExitCode(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    /** The code for the way in which a run ended. */
    static int of(Outcome outcome) {
        return switch (outcome.kind()) {
            case DEBUG_EXIT -> (int) (outcome.code() << 1 | 1) & 0xff;
            case POWER_OFF -> POWER_OFF.code;
            case RESET -> RESET.code;
            case SHUTDOWN -> TRIPLE_FAULT.code;
            case HALTED_FOREVER -> HALTED.code;
            case LIMIT -> LIMIT.code;
            case UNSUPPORTED -> UNSUPPORTED.code;
            case HYPERVISOR -> HYPERVISOR.code;
            case TLB_CHECK -> TLB_CHECK.code;
            case STOPPED -> INTERRUPTED.code;
        };
    }
}
