package nestbox.vmx.check;

import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InstructionError;

/**
 * How a VM entry fails.
 *
 * @param kind what software sees
 * @param number VM-instruction error, or basic exit reason; 0 for VMfailInvalid
 * @param qualification exit qualification of an entry failure
 */
public record Failure(Kind kind, int number, long qualification) {
    /** VMfailInvalid. */
    public static final Failure INVALID = new Failure(Kind.VMFAIL_INVALID, 0, 0);

    public static final Failure CONTROLS = valid(InstructionError.ENTRY_CONTROLS);
    public static final Failure HOST_STATE = valid(InstructionError.ENTRY_HOST_STATE);
    public static final Failure GUEST_STATE = guest(0);

    /** What software sees. */
    public enum Kind {
        VMFAIL_INVALID,
        VMFAIL_VALID,
        ENTRY_FAILURE
    }

    /** VMfailValid with an error number. */
    public static Failure valid(InstructionError error) {
        return new Failure(Kind.VMFAIL_VALID, error.number(), 0);
    }

    /** Exit 33. */
    public static Failure guest(long qualification) {
        return new Failure(Kind.ENTRY_FAILURE, ExitReason.INVALID_STATE.number(), qualification);
    }

    /** Exit 34; {@code entry} counts from 1. */
    public static Failure msr(long entry) {
        return new Failure(Kind.ENTRY_FAILURE, ExitReason.MSR_LOAD_FAIL.number(), entry);
    }

    /** The failure in words. */
    public String text() {
        return switch (kind) {
            case VMFAIL_INVALID -> "VMfailInvalid";
            case VMFAIL_VALID -> "VMfailValid(" + number + ")";
            case ENTRY_FAILURE -> "exit " + number + ", qualification " + qualification;
        };
    }
}
