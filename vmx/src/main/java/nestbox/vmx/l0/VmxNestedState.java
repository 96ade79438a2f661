package nestbox.vmx.l0;

import nestbox.l0.NestedState;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;

/** KVM_GET_NESTED_STATE and KVM_SET_NESTED_STATE of nested VMX (facts D.10). */
final class VmxNestedState {
    static final int VMXON_PA = 8;
    static final int VMCS12_PA = 16;
    static final int SMM = 24;
    static final int HEADER_FLAGS = 28;
    static final int DEADLINE = 32;

    static final int FLAGS =
            NestedState.GUEST_MODE | NestedState.RUN_PENDING | NestedState.EVMCS | NestedState.MTF_PENDING;
    static final int SMM_GUEST_MODE = 1;
    static final int SMM_VMXON = 2;
    static final int SMM_FLAGS = SMM_GUEST_MODE | SMM_VMXON;
    static final int DEADLINE_VALID = 1;

    private final NestedVmx vmx;
    private final L2State state;

    VmxNestedState(NestedVmx vmx) {
        this.vmx = vmx;
        state = new L2State(vmx);
    }

    /** The vmcs12 in it has L2's state as it is now. */
    NestedState get() {
        int flags = 0;
        if (vmx.guest) {
            flags = NestedState.GUEST_MODE
                    | (vmx.entry.transaction().open() ? NestedState.RUN_PENDING : 0)
                    | (vmx.trapFlag ? NestedState.MTF_PENDING : 0);
        }
        NestedState result = NestedState.of(NestedState.FORMAT_VMX, flags, vmx.vmcs12 == null ? 0 : 2);
        result.set(VMXON_PA, 8, vmx.on || vmx.smm.inVmx() ? vmx.vmxonPointer : NestedVmx.NONE);
        result.set(SMM, 2, (vmx.smm.inVmx() ? SMM_VMXON : 0) | (vmx.smm.inGuest() ? SMM_GUEST_MODE : 0));
        result.set(VMCS12_PA, 8, vmx.vmcs12 == null ? NestedVmx.NONE : vmx.vmcs12.address());
        if (vmx.vmcs12 != null) {
            Vmcs copy = NestedVmx.region(vmx.vmcs12.address());
            copy.load(vmx.vmcs12.region());
            if (vmx.guest && !vmx.entry.transaction().open()) {
                state.saveTo(copy);
                copy.set(
                        VmcsField.VM_ENTRY_INTR_INFO, copy.get(VmcsField.VM_ENTRY_INTR_INFO) & ~InterruptionType.VALID);
            }
            result.setPage(0, copy.region());
        }
        if (vmx.shadow12 != null) {
            result.setPage(1, vmx.shadow12.region());
        }
        if (vmx.timer.deadline() != Long.MAX_VALUE) {
            result.set(HEADER_FLAGS, 4, DEADLINE_VALID);
            result.set(DEADLINE, 8, vmx.timer.deadline());
        }
        return result;
    }

    void set(NestedState from) {
        VmxStateCheck.Context context = new VmxStateCheck.Context(vmx, from);
        VmxStateCheck.run(context, false);
        vmx.leave();
        if (!context.on()) {
            return;
        }
        vmx.turnOn(context.vmxon());
        VmxStateCheck.run(context, true);
        if ((context.smmFlags() & SMM_VMXON) != 0) {
            vmx.on = false;
            vmx.smm.set(true, (context.smmFlags() & SMM_GUEST_MODE) != 0);
        }
        if (!context.current()) {
            return;
        }
        vmx.vmcs12 = context.copy;
        vmx.currentChanged();
        if (!context.guestMode()) {
            return;
        }
        CheckFailure failed = vmx.entry.checkRestored();
        if (failed != null) {
            vmx.vmcs12 = null;
            throw NestedState.refused(failed.row().id(), failed.text());
        }
        vmx.entry.enterRestored(from.has(NestedState.RUN_PENDING));
        vmx.trapFlag = from.has(NestedState.MTF_PENDING);
        if (context.needsShadow()) {
            vmx.shadow12 = context.shadow();
        }
        if ((context.headerFlags() & DEADLINE_VALID) != 0) {
            vmx.timer.resume(from.get(DEADLINE, 8));
        }
    }
}
