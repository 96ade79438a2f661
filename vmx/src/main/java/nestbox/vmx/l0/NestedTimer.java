package nestbox.vmx.l0;

import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/**
 * The VMX-preemption timer of L2, which L0 keeps by L1's time-stamp counter and the machine's timer events, as KVM does with its
 * own timer (facts D.4, D.11; SDM Vol. 3, "VMX-Preemption Timer").
 */
final class NestedTimer {
    private static final long NEVER = Long.MAX_VALUE;
    private static final int SHIFT = VmxCapability.PREEMPTION_TIMER_SHIFT;

    private final NestedVmx vmx;
    private final Cpu cpu;
    /** L1's TSC at which the timer reaches 0, or NEVER. */
    private long deadline = NEVER;

    NestedTimer(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** L2 is entered. */
    void start() {
        if (!vmx.controls.pin(VmxFeature.PREEMPTION_TIMER)) {
            return;
        }
        long value = vmx.vmcs12.get(VmcsField.VMX_PREEMPTION_TIMER_VALUE);
        if (value == 0) {
            deadline = cpu.tsc();
            cpu.pend(Cpu.PENDING_EXTENSION);
            return;
        }
        deadline = ((cpu.tsc() >>> SHIFT) + value) << SHIFT;
        cpu.platform.wakeExtension(cpu, deadline - cpu.tscOffset);
        // As on the silicon an entry takes time: the timer has counted before L2's first instruction.
        cpu.letPass(1 << SHIFT);
    }

    /** In the activity state wait-for-SIPI the timer causes no exit. */
    boolean expired() {
        return deadline != NEVER && cpu.tsc() >= deadline && cpu.activity != Cpu.WAIT_FOR_SIPI;
    }

    /** Stores what is left, if L1 asks for it. */
    void save() {
        if (deadline != NEVER && vmx.controls.exit(VmxFeature.SAVE_PREEMPTION_TIMER)) {
            long left = Math.max(0, (deadline >>> SHIFT) - (cpu.tsc() >>> SHIFT));
            vmx.vmcs12.set(VmcsField.VMX_PREEMPTION_TIMER_VALUE, left);
        }
    }

    /** L1's TSC at which the timer reaches 0; {@link Long#MAX_VALUE} if it does not run. */
    long deadline() {
        return deadline;
    }

    /** Of a saved state; the machine's own event for it is saved with the machine. */
    void setDeadline(long value) {
        deadline = value;
    }

    /** Lets the timer of a state from outside run on. */
    void resume(long value) {
        deadline = value;
        cpu.platform.wakeExtension(cpu, deadline - cpu.tscOffset);
    }

    /** L2 is left. */
    void stop() {
        if (deadline != NEVER) {
            deadline = NEVER;
            cpu.platform.wakeExtension(cpu, NEVER);
        }
        cpu.unpend(Cpu.PENDING_EXTENSION);
    }
}
