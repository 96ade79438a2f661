package nestbox.svm.vmcb;

/** EVENTINJ and EXITINTINFO (APM Vol. 2, "Event Injection", "EXITINTINFO Pseudo-Code"). */
public final class EventInfo {
    public static final int EXTERNAL = 0;
    public static final int NMI = 2;
    public static final int EXCEPTION = 3;
    public static final int SOFTWARE_INTERRUPT = 4;

    public static final long ERROR_CODE_VALID = 1 << 11;
    public static final long VALID = 1L << 31;

    private EventInfo() {}

    public static long of(int vector, int type, boolean hasErrorCode, long errorCode) {
        return vector & 0xff | (long) type << 8 | VALID | (hasErrorCode ? ERROR_CODE_VALID | errorCode << 32 : 0);
    }

    public static boolean valid(long event) {
        return (event & VALID) != 0;
    }

    public static int vector(long event) {
        return (int) event & 0xff;
    }

    public static int type(long event) {
        return (int) event >>> 8 & 7;
    }

    public static boolean hasErrorCode(long event) {
        return (event & ERROR_CODE_VALID) != 0;
    }

    public static long errorCode(long event) {
        return event >>> 32;
    }
}
