package nestbox.svm.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.SmmFields;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;

/**
 * An SMI while L2 runs that L1 does not intercept: L2 is left without an exit, and RSM enters it again (APM Vol. 2, "SMM Support").
 * Registers that the state save area does not hold stay L2's, as on the silicon. For whom KVM's nested state is all that there is,
 * L1's registers are in the host save area, where KVM has them, and vmcb12 is read again.
 */
final class NestedSmm implements Stateful {
    private final NestedSvm svm;
    private final Cpu cpu;
    /** RSM goes back to L2, of which everything is here. */
    private boolean inGuest;

    private long virtualInterrupt;

    NestedSmm(NestedSvm svm) {
        this.svm = svm;
        cpu = svm.cpu;
    }

    /** The processor is about to enter SMM. */
    void enter(long area) {
        inGuest = svm.guest;
        virtualInterrupt = inGuest ? svm.vmcb12.interruptControl(svm.backend.virtualInterrupt()) : 0;
        SmmFields.store(cpu, area, inGuest, svm.vmcb12.address(), virtualInterrupt);
        if (inGuest) {
            saveHost();
            svm.vmrun.suspend();
        }
    }

    /** Where a VMCB has its state-save area, the host save area has L1's. */
    private void saveHost() {
        Vmcb state = Vmcb.detached();
        svm.host.store(state);
        long page = hostSaveArea();
        for (int at = VmcbField.CONTROL_AREA; at + 8 <= Vmcb.USED; at += 8) {
            cpu.physical.write(page + at, 8, state.get(at, 8));
        }
    }

    private long hostSaveArea() {
        return cpu.msrs.stored(SvmMsrs.VM_HSAVE_PA);
    }

    /** RSM has loaded the registers; false if the processor shuts down. */
    boolean leave(long area) {
        if (inGuest) {
            inGuest = false;
            svm.vmrun.unsuspend(virtualInterrupt);
            return true;
        }
        return !SmmFields.guest(cpu, area) || enterAgain(area);
    }

    private boolean enterAgain(long area) {
        if ((cpu.efer & Cpu.EFER_SVME) == 0 || svm.guest) {
            return false;
        }
        Vmcb state = Vmcb.detached();
        long page = hostSaveArea();
        for (int at = VmcbField.CONTROL_AREA; at + 8 <= Vmcb.USED; at += 8) {
            state.set(at, 8, cpu.physical.read(page + at, 8));
        }
        svm.host.load(state);
        svm.vmcb12.load(SmmFields.vmcb(cpu, area));
        // As KVM does it since 5a30e8aea079: the handler may have changed it.
        if (VmrunChecks.first(svm.vmcb12) != null) {
            return false;
        }
        svm.vmrun.unsuspend(SmmFields.virtualInterrupt(cpu, area));
        return true;
    }

    /** Nothing waits for RSM. */
    void reset() {
        inGuest = false;
    }

    @Override
    public void save(StateWriter out) {
        out.writeBoolean(inGuest).writeLong(virtualInterrupt);
    }

    @Override
    public void restore(StateReader in) {
        inGuest = in.readBoolean();
        virtualInterrupt = in.readLong();
    }
}
