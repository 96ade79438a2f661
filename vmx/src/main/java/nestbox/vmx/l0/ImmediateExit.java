package nestbox.vmx.l0;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/**
 * An entry that ends before the guest's first instruction, but behind the delivery of an event that comes with it: by a VMX-preemption
 * timer of 0, as KVM does it. An interrupt of the host's own would not do: a guest in the shadow of STI or MOV SS runs on first.
 */
final class ImmediateExit {
    private final VmcsDoor door;
    private final boolean timer;
    private boolean armed;

    /** @param timer the silicon has the timer */
    ImmediateExit(VmcsDoor door, boolean timer) {
        this.door = door;
        this.timer = timer;
    }

    /** The next entry is left at once; false if it cannot be arranged so. */
    boolean arm() {
        if (timer) {
            armed = true;
            set(pin() | VmxFeature.PREEMPTION_TIMER.mask());
            door.write(VmcsField.VMX_PREEMPTION_TIMER_VALUE, 0);
        }
        return timer;
    }

    /** The entry is over. */
    void disarm() {
        if (armed) {
            armed = false;
            set(pin() & ~VmxFeature.PREEMPTION_TIMER.mask());
        }
    }

    private long pin() {
        return door.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL);
    }

    private void set(long pin) {
        door.write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, pin);
    }
}
