package nestbox.vmx.vmcs;

/** Bits 10:8 of an interruption-information field, and its other bits (SDM Vol. 3, "VM-Entry Controls for Event Injection"). */
public final class InterruptionType {
    public static final int EXTERNAL_INTERRUPT = 0;
    public static final int RESERVED = 1;
    public static final int NMI = 2;
    public static final int HARDWARE_EXCEPTION = 3;
    public static final int SOFTWARE_INTERRUPT = 4;
    public static final int PRIVILEGED_SOFTWARE_EXCEPTION = 5;
    public static final int SOFTWARE_EXCEPTION = 6;
    public static final int OTHER_EVENT = 7;

    public static final long ERROR_CODE = 1 << 11;
    public static final long NMI_UNBLOCKING = 1 << 12;
    public static final long VALID = 1L << 31;

    private InterruptionType() {}

    public static boolean valid(long information) {
        return (information & VALID) != 0;
    }

    public static int vector(long information) {
        return (int) information & 0xff;
    }

    public static int type(long information) {
        return (int) information >>> 8 & 7;
    }
}
