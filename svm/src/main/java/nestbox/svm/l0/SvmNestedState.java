package nestbox.svm.l0;

import nestbox.l0.NestedState;
import nestbox.mmu.memory.LittleEndian;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;

/**
 * KVM_GET_NESTED_STATE and KVM_SET_NESTED_STATE of nested SVM (facts E.5): the data is a VMCB whose controls are vmcb12's and whose
 * state-save area is L1's. L2's registers are the processor's.
 */
final class SvmNestedState {
    static final int VMCB_PA = 8;
    static final int FLAGS = NestedState.GUEST_MODE | NestedState.RUN_PENDING | NestedState.GIF_SET;

    private final NestedSvm svm;

    SvmNestedState(NestedSvm svm) {
        this.svm = svm;
    }

    NestedState get() {
        int flags = svm.gif() ? NestedState.GIF_SET : 0;
        if (!svm.guest) {
            return NestedState.of(NestedState.FORMAT_SVM, flags, 0);
        }
        flags |= NestedState.GUEST_MODE | (svm.vmrun.transaction().open() ? NestedState.RUN_PENDING : 0);
        NestedState result = NestedState.of(NestedState.FORMAT_SVM, flags, 1);
        result.set(VMCB_PA, 8, svm.vmcb12.address());
        Vmcb data = Vmcb.detached();
        data.copy(svm.vmcb12.copy());
        for (int at = VmcbField.CONTROL_AREA; at + 8 <= Vmcb.USED; at += 8) {
            data.set(at, 8, 0);
        }
        data.set(VmcbField.INTERRUPT_CONTROL, svm.vmcb12.interruptControl(svm.backend.virtualInterrupt()));
        svm.host.store(data);
        byte[] page = new byte[NestedState.PAGE];
        for (int at = 0; at + 8 <= Vmcb.USED; at += 8) {
            LittleEndian.set(page, at, 8, data.get(at, 8));
        }
        result.setPage(0, page);
        return result;
    }

    void set(NestedState from) {
        SvmStateCheck.Context context = new SvmStateCheck.Context(svm, from);
        SvmStateCheck.run(context);
        svm.leave();
        if (context.guestMode()) {
            Vmcb data = context.controls().copy();
            svm.host.load(data);
            svm.vmcb12.restore(context.address(), data);
            svm.vmrun.enterRestored(from.has(NestedState.RUN_PENDING));
        }
        svm.setGif(from.has(NestedState.GIF_SET));
    }
}
