package nestbox.vmx.l0;

import java.util.ArrayList;
import java.util.List;
import nestbox.vmx.vmcs.VmcsField;

/**
 * L2's data segments and descriptor tables in vmcs12. After an exit to L1 they stay in vmcs02 until somebody asks vmcs12 for them,
 * which most hypervisors never do before they enter L2 again (KVM's {@code sync_vmcs02_to_vmcs12_rare}).
 */
final class RareFields {
    private static final VmcsField[] FIELDS = fields();
    private static final boolean[] RARE = new boolean[VmcsField.count()];

    static {
        for (VmcsField field : FIELDS) {
            RARE[field.ordinal()] = true;
        }
    }

    private final NestedVmx vmx;
    /** vmcs02 has them, and what vmcs12 has is older. */
    private boolean inHardware;

    RareFields(NestedVmx vmx) {
        this.vmx = vmx;
    }

    private static VmcsField[] fields() {
        List<VmcsField> list = new ArrayList<>(List.of(
                VmcsField.GUEST_GDTR_BASE,
                VmcsField.GUEST_GDTR_LIMIT,
                VmcsField.GUEST_IDTR_BASE,
                VmcsField.GUEST_IDTR_LIMIT));
        for (int i : VmxGuestState.OTHERS) {
            list.add(VmxGuestState.SELECTOR[i]);
            list.add(VmxGuestState.BASE[i]);
            list.add(VmxGuestState.LIMIT[i]);
            list.add(VmxGuestState.RIGHTS[i]);
        }
        return list.toArray(VmcsField[]::new);
    }

    boolean inHardware() {
        return inHardware;
    }

    /** L2 has been left, and vmcs12 got none of them. */
    void left() {
        inHardware = true;
    }

    /** vmcs12 has the newest values, or there is none, or vmcs02 was made anew. */
    void forget() {
        inHardware = false;
    }

    /** Whether vmcs02 has the only good value of a field. */
    boolean onlyInHardware(VmcsField field) {
        return inHardware && RARE[field.ordinal()];
    }

    /** Somebody asks vmcs12 for a field, or writes it there. */
    void pull(VmcsField field) {
        if (onlyInHardware(field)) {
            pull();
        }
    }

    /** Somebody may ask vmcs12 for any field. */
    void pull() {
        if (!inHardware) {
            return;
        }
        inHardware = false;
        VmcsDoor door = vmx.backend.door();
        HardwareVmcs before = door.current();
        door.load(vmx.backend.vmcs02());
        for (VmcsField field : FIELDS) {
            vmx.vmcs12.set(field, door.read(field));
        }
        door.load(before);
    }
}
