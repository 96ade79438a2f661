package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.VmcsField;

/** The fields of the segment registers, by register number. */
final class SegmentFields {
    static final VmcsField[] SELECTOR = from(VmcsField.GUEST_ES_SELECTOR);
    static final VmcsField[] BASE = from(VmcsField.GUEST_ES_BASE);
    static final VmcsField[] LIMIT = from(VmcsField.GUEST_ES_LIMIT);
    static final VmcsField[] RIGHTS = from(VmcsField.GUEST_ES_AR_BYTES);

    private SegmentFields() {}

    private static VmcsField[] from(VmcsField first) {
        VmcsField[] fields = new VmcsField[8];
        System.arraycopy(VmcsField.values(), first.ordinal(), fields, 0, fields.length);
        return fields;
    }
}
