package nestbox.vmx.l0;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;

/** The controls of vmcs12 with which L2 runs. */
final class Controls12 {
    long pin;
    long primary;
    long secondary;
    long exit;
    long entry;
    long exceptions;
    long cr0Mask;
    long cr0Shadow;
    long cr4Mask;
    long cr4Shadow;
    long eptp;
    long vpid;
    long tscOffset;
    /** Fixed-point with 48 fraction bits; 0 stands for 1. */
    long tscMultiplier;

    void load(Vmcs vmcs) {
        pin = vmcs.get(VmcsField.PIN_BASED_VM_EXEC_CONTROL);
        primary = vmcs.get(VmcsField.CPU_BASED_VM_EXEC_CONTROL);
        secondary = primary(VmxFeature.SECONDARY_CONTROLS) ? vmcs.get(VmcsField.SECONDARY_VM_EXEC_CONTROL) : 0;
        exit = vmcs.get(VmcsField.VM_EXIT_CONTROLS);
        entry = vmcs.get(VmcsField.VM_ENTRY_CONTROLS);
        exceptions = vmcs.get(VmcsField.EXCEPTION_BITMAP);
        cr0Mask = vmcs.get(VmcsField.CR0_GUEST_HOST_MASK);
        cr0Shadow = vmcs.get(VmcsField.CR0_READ_SHADOW);
        cr4Mask = vmcs.get(VmcsField.CR4_GUEST_HOST_MASK);
        cr4Shadow = vmcs.get(VmcsField.CR4_READ_SHADOW);
        eptp = ept() ? vmcs.get(VmcsField.EPT_POINTER) : 0;
        vpid = secondary(VmxFeature.ENABLE_VPID) ? vmcs.get(VmcsField.VIRTUAL_PROCESSOR_ID) : 0;
        tscOffset = primary(VmxFeature.TSC_OFFSETTING) ? vmcs.get(VmcsField.TSC_OFFSET) : 0;
        boolean scales = primary(VmxFeature.TSC_OFFSETTING) && secondary(VmxFeature.TSC_SCALING);
        tscMultiplier = scales ? vmcs.get(VmcsField.TSC_MULTIPLIER) : 0;
    }

    /** A difference of L1's time-stamp counter, or a value of it, as L2 counts. */
    long scaled(long value) {
        if (tscMultiplier == 0) {
            return value;
        }
        long high = Math.multiplyHigh(value, tscMultiplier) + (tscMultiplier < 0 ? value : 0);
        return high << 16 | value * tscMultiplier >>> 48;
    }

    boolean pin(VmxFeature feature) {
        return (pin & feature.mask()) != 0;
    }

    boolean primary(VmxFeature feature) {
        return (primary & feature.mask()) != 0;
    }

    boolean secondary(VmxFeature feature) {
        return (secondary & feature.mask()) != 0;
    }

    boolean exit(VmxFeature feature) {
        return (exit & feature.mask()) != 0;
    }

    boolean entry(VmxFeature feature) {
        return (entry & feature.mask()) != 0;
    }

    boolean ept() {
        return secondary(VmxFeature.ENABLE_EPT);
    }
}
