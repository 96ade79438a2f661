package nestbox.vmx.check;

import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.model.Feature;

/**
 * What check rows may look at: a VMCS, the processor model and the little state outside the VMCS that VM entry depends on.
 * Rows read through this interface alone; so silicon, L0 and the {@code check} tool run the same rows.
 */
public interface CheckContext {
    /** Value of a field of the current VMCS, zero-extended; 0 for a field that does not exist. */
    long get(VmcsField field);

    VmxModel model();

    /** The processor's VMCS revision identifier. */
    default int revision() {
        return VmxCapability.REVISION;
    }

    /** EFER.LMA of the processor that enters. */
    boolean ia32eMode();

    boolean inSmm();

    boolean movSsBlocking();

    /** Whether there is a current VMCS. */
    boolean hasCurrentVmcs();

    /** Physical address of the current VMCS. */
    long currentVmcs();

    /** Whether the current VMCS is a shadow VMCS. */
    boolean currentIsShadow();

    /** Launch state of the current VMCS. */
    boolean launched();

    /** VMLAUNCH and not VMRESUME. */
    boolean launching();

    /** Reads physical memory, little-endian, zero-extended. */
    long readPhysical(long address, int bytes);

    /** Bits of an MSR that WRMSR refuses to set on this processor. */
    long reservedMsrBits(int msr);

    /** Whether WRMSR of {@code value} at CPL 0 would raise #GP. */
    boolean wrmsrFaults(int msr, long value);

    /**
     * Whether state outside the VMCS that can change while the VMCS stays current was read since this was asked last: memory, the
     * launch state, blocking by MOV SS. What passed without is good until a field changes. A context that cannot tell says yes.
     */
    default boolean lookedOutside() {
        return true;
    }

    /** Whether a control is in force: its bit is 1, and the control that activates its word as well. */
    default boolean on(VmxFeature control) {
        return (word(control.word()) & control.mask()) != 0;
    }

    /** A control word as it is in force: 0 if not activated. */
    default long word(CapabilityWord word) {
        return switch (word) {
            case PIN -> get(VmcsField.PIN_BASED_VM_EXEC_CONTROL);
            case PRIMARY -> get(VmcsField.CPU_BASED_VM_EXEC_CONTROL);
            case SECONDARY -> on(VmxFeature.SECONDARY_CONTROLS) ? get(VmcsField.SECONDARY_VM_EXEC_CONTROL) : 0;
            case TERTIARY -> on(VmxFeature.TERTIARY_CONTROLS) ? get(VmcsField.TERTIARY_VM_EXEC_CONTROL) : 0;
            case EXIT -> get(VmcsField.VM_EXIT_CONTROLS);
            case EXIT2 -> on(VmxFeature.SECONDARY_EXIT_CONTROLS) ? get(VmcsField.SECONDARY_VM_EXIT_CONTROLS) : 0;
            case ENTRY -> get(VmcsField.VM_ENTRY_CONTROLS);
            case VMFUNC -> on(VmxFeature.ENABLE_VM_FUNCTIONS) ? get(VmcsField.VM_FUNCTION_CONTROL) : 0;
            case BASIC, MISC, EPT_VPID -> throw new IllegalArgumentException(word.title());
        };
    }

    /** Whether bits of a field are set. */
    default boolean any(VmcsField field, long mask) {
        return (get(field) & mask) != 0;
    }

    default boolean has(Feature feature) {
        return model().cpu().has(feature);
    }

    /** Whether an address fits the processor's physical-address width. */
    default boolean physical(long address) {
        return address >>> model().cpu().physicalBits() == 0;
    }

    /** Whether a linear address is canonical. */
    default boolean canonical(long address) {
        int unused = 64 - model().cpu().linearBits();
        return address << unused >> unused == address;
    }
}
