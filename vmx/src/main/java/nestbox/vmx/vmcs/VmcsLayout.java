package nestbox.vmx.vmcs;

/**
 * Where a field lies in the 4-KByte region of a VMCS. The layout is Nestbox's own and opaque to software, as the manual
 * allows: revision identifier at 0, VMX-abort indicator at 4, launch state at 8, and from 16 on every field of the table,
 * 8-byte fields first, then 4-byte and 2-byte ones, each kind in the table's order. A field has the same place on every
 * model, whether or not the model has the field. Little-endian.
 *
 * <p>SDM Vol. 3, section "Format of the VMCS Region".
 */
public final class VmcsLayout {
    public static final int REVISION = 0;
    /** Bytes of a region. */
    public static final int REGION = 4096;

    public static final int ABORT_INDICATOR = 4;
    public static final int LAUNCH_STATE = 8;
    private static final int DATA = 16;

    /** Bit 31 of the first word: the region is a shadow VMCS. */
    public static final int SHADOW_INDICATOR = 1 << 31;

    private static final int[] OFFSETS = new int[VmcsField.count()];
    private static final int END;

    static {
        int next = DATA;
        for (int bytes = 8; bytes >= 2; bytes >>= 1) {
            for (VmcsField field : VmcsField.values()) {
                if (field.width().bytes() == bytes) {
                    OFFSETS[field.ordinal()] = next;
                    next += bytes;
                }
            }
        }
        END = next;
    }

    private VmcsLayout() {}

    /** Byte offset of a field in its region. */
    public static int offset(VmcsField field) {
        return OFFSETS[field.ordinal()];
    }

    /** Bytes of the region that are in use. */
    public static int size() {
        return END;
    }
}
