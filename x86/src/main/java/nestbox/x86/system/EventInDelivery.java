package nestbox.x86.system;

/**
 * The event that the processor is delivering, in the terms of VMX's interruption information and SVM's EVENTINJ. Valid
 * while {@link #active}: a hook that is called meanwhile finds here what becomes the IDT-vectoring information.
 */
public final class EventInDelivery {
    public static final int EXTERNAL = 0;
    public static final int NMI = 2;
    public static final int EXCEPTION = 3;
    /** INT n. */
    public static final int SOFTWARE_INTERRUPT = 4;
    /** INT1. */
    public static final int PRIVILEGED_EXCEPTION = 5;
    /** INT3 and INTO. */
    public static final int SOFTWARE_EXCEPTION = 6;

    public boolean active;
    public int vector;
    /** One of the constants above. */
    public int type;

    public boolean hasErrorCode;
    public long errorCode;

    /** RF is set in the flags that are pushed, though not in RFLAGS. */
    public boolean resume;

    /** Delivery of a software event met a fault, which is the instruction's own and about to be raised again. */
    boolean interrupted;

    /** Length of the instruction for INT n, INT3, INTO and INT1 (RIP is behind it); else 0. */
    public int length;

    /** INT n, INT3, INTO: the gate's DPL counts and the EXT bit of error codes is clear. */
    boolean software() {
        return type == SOFTWARE_INTERRUPT || type == SOFTWARE_EXCEPTION;
    }

    void set(int newVector, int newType, boolean newHasErrorCode, long newErrorCode) {
        active = true;
        interrupted = false;
        resume = false;
        length = 0;
        vector = newVector;
        type = newType;
        hasErrorCode = newHasErrorCode;
        errorCode = newErrorCode;
    }
}
