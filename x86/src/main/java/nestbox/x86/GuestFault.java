package nestbox.x86;

/**
 * An exception that the running instruction raised. One object a {@link Cpu}, preallocated and stackless; it never leaves the
 * processor's run loop and is never used for VM exits.
 */
public final class GuestFault extends RuntimeException {
    /** The vector, see {@link Vector}. */
    public int vector;

    public long errorCode;
    public boolean hasErrorCode;
    /** CR2 for a page fault, the DR6 bits for a debug exception. */
    public long detail;

    GuestFault() {
        super(null, null, false, false);
    }

    @Override
    public String getMessage() {
        return "vector " + vector + (hasErrorCode ? " error code " + Long.toHexString(errorCode) : "");
    }
}
