package nestbox.l0;

import nestbox.mmu.core.FaultAddress;
import nestbox.mmu.core.FaultResult;
import nestbox.mmu.core.Gpa;
import nestbox.mmu.core.Gva;
import nestbox.mmu.core.Ngpa;
import nestbox.mmu.core.PfError;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;

/** What L0 does about an exit that is not L1's. */
final class ExitHandler {
    private static final int[] RSM = {0x0f, 0xaa};

    private final Vcpu vcpu;
    private final L0Config config;
    private final Hypercalls hypercalls;

    ExitHandler(Vcpu vcpu) {
        this.vcpu = vcpu;
        config = vcpu.hypervisor().config();
        hypercalls = new Hypercalls(vcpu);
    }

    void handle(Exit exit) {
        switch (exit.kind) {
            case HOST_INTERRUPT, HOST_NMI -> {}
            case INTERRUPT_WINDOW -> vcpu.backend().setInterruptWindow(false);
            case NMI_WINDOW -> vcpu.backend().setNmiWindow(false);
            case INSTRUCTION -> vcpu.emulator().step(exit.known);
            case HYPERCALL -> hypercalls.handle(exit.length);
            case EXCEPTION -> exception(exit);
            case PAGE_FAULT -> {
                L0Trace.pageFault(vcpu, exit);
                resolve(exit, exit.errorCode);
            }
            case MISCONFIG -> resolve(exit, PfError.RSVD);
            case TASK_SWITCH -> deliverOrStep();
            case TRIPLE_FAULT -> vcpu.tripleFault();
            case INVALID_STATE ->
                throw vcpu.giveUp("KVM_EXIT_FAIL_ENTRY: the silicon refused the guest's state, " + exit.name);
            case ENTRY_FAILED -> entryFailed(exit);
        }
    }

    private void entryFailed(Exit exit) {
        if (vcpu.guestMode()) {
            vcpu.nesting().entryFailed(exit.info1);
        } else {
            throw vcpu.giveUp("KVM_EXIT_FAIL_ENTRY: " + exit.name + " " + exit.info1);
        }
    }

    private void exception(Exit exit) {
        if (exit.vector == Vector.UD && invalidOpcode()) {
            return;
        }
        if (exit.vector == Vector.DB) {
            if (exit.length != 0) {
                // INT1, which is a trap: the guest goes on behind it.
                vcpu.emulator().goBehind(exit.length);
            } else {
                // A shadow and TF together need a pending trap in the control structure.
                vcpu.take(StateGroup.BASIC);
            }
        }
        vcpu.injection().raise(exit.vector, exit.hasErrorCode, exit.errorCode, exit.detail);
    }

    /** RSM of a guest in SMM is one to silicon that is not; L0 has a use for others, too. */
    private boolean invalidOpcode() {
        Cpu guest = vcpu.guest();
        if (guest.smm && vcpu.emulator().finds(RSM)) {
            vcpu.emulator().emulate();
            return true;
        }
        return config.forcedEmulation() && vcpu.emulator().forcedPrefix()
                || config.nested().applies(NestedPolicy.HYPERCALL_PATCH) && hypercalls.patch();
    }

    private FaultAddress address(Exit exit) {
        if (!vcpu.hypervisor().mmu().config().tdp()) {
            return new Gva(exit.detail);
        }
        boolean nested = vcpu.guestMode() && vcpu.nesting().nestedTdp();
        return nested ? new Ngpa(exit.detail) : new Gpa(exit.detail);
    }

    private void resolve(Exit exit, long errorCode) {
        FaultResult result = vcpu.mmu().pageFault(address(exit), errorCode);
        if (result instanceof FaultResult.Resume) {
            return;
        }
        if (result instanceof FaultResult.Emulate emulate) {
            emulate(emulate.reason());
        } else if (result instanceof FaultResult.GuestPageFault fault) {
            vcpu.injection()
                    .raise(Vector.PF, true, fault.errorCode(), fault.address().value());
        } else if (result instanceof FaultResult.Reflect reflected) {
            L0Trace.nestedPageFault(vcpu, exit.detail, exit.errorCode);
            vcpu.nesting().reflect(reflected.fault());
        } else if (result instanceof FaultResult.MemoryFault fault) {
            throw vcpu.giveUp("KVM_EXIT_MEMORY_FAULT: -EFAULT at " + fault.gpa());
        } else {
            throw vcpu.giveUp("KVM_EXIT_INTERNAL_ERROR: " + result);
        }
    }

    private void emulate(FaultResult.Reason reason) {
        if (vcpu.borrowedTurn().bounded()) {
            // The instruction faults once more in a turn of its own.
            vcpu.guest().pend(Cpu.PENDING_STOP);
            return;
        }
        if (vcpu.injection().reinjects() && reason != FaultResult.Reason.WRITE_PROTECTED) {
            throw vcpu.giveUp(
                    "KVM_EXIT_INTERNAL_ERROR: KVM_INTERNAL_ERROR_DELIVERY_EV, an event's delivery needs a device");
        }
        deliverOrStep();
    }

    /** What needs emulation is the delivery of an event, if there is one: a task gate, or a frame on shadowed tables. */
    private void deliverOrStep() {
        if (vcpu.injection().reinjects()) {
            vcpu.emulator().deliverAgain(vcpu.injection().again);
        } else {
            vcpu.emulator().emulate();
        }
    }
}
