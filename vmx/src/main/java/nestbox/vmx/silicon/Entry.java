package nestbox.vmx.silicon;

import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.CheckGroup;
import nestbox.vmx.check.CheckOrder;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.check.Failure;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/** VM entry: checks, guest state, MSR list, event injection (SDM Vol. 3, chapter "VM Entries"). */
final class Entry {
    private static final int ACTIVITY_WAIT = Cpu.WAIT_FOR_SIPI;

    private final Vmx vmx;
    private final Cpu cpu;
    private final SiliconContext context;

    Entry(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        context = new SiliconContext(vmx);
    }

    /** VMLAUNCH or VMRESUME, behind its faults. */
    void enter(boolean launch) {
        context.launching = launch;
        CheckFailure failed = vmx.vmcs == null
                ? EntryChecks.group(context, CheckGroup.BASIC)
                : EntryChecks.first(context, CheckOrder.MANUAL, vmx.vmcs, vmx.active.memo());
        boolean badList = failed != null && failed.row().group() == CheckGroup.MSR_LOADING;
        if (failed != null && !badList) {
            refuse(failed);
            return;
        }
        Vmcs vmcs = vmx.vmcs;
        vmx.controls.load(vmcs);
        cpu.blockLimit = 0;
        cpu.noStepTrap = true;
        cpu.switchWorlds();
        vmx.guest = true;
        vmx.flushForTransition();
        vmx.guestState.load();
        long bad = badList ? loadUpTo(failed) : vmx.msrLists.load(MsrLists.ENTRY_LIST);
        if (bad != 0) {
            vmx.exit.entryFailure(ExitReason.MSR_LOAD_FAIL.number(), bad);
            return;
        }
        vmcs.setLaunchState(Vmcs.LAUNCHED);
        VmxTrace.entry(cpu);
        vmx.releaseInit();
        long event = vmcs.get(VmcsField.VM_ENTRY_INTR_INFO);
        vmx.events.begin(Controls.valid(event));
        if (Controls.valid(event)) {
            inject(event);
        } else {
            vmx.guestState.loadPendingDebug();
        }
    }

    /** The list behind which state is loaded already: entries before the bad one take effect. The number of the bad one. */
    private long loadUpTo(CheckFailure failed) {
        VmxTrace.failure(cpu, failed);
        long entry = failed.failure().qualification();
        int earlier = vmx.msrLists.load(MsrLists.ENTRY_LIST, entry - 1);
        return earlier == 0 ? entry : earlier;
    }

    private void refuse(CheckFailure failed) {
        VmxTrace.failure(cpu, failed);
        Failure failure = failed.failure();
        switch (failure.kind()) {
            case VMFAIL_INVALID -> nestbox.x86.Flags.setArithmetic(cpu, nestbox.x86.Flags.CF);
            case VMFAIL_VALID -> {
                vmx.vmcs.set(VmcsField.VM_INSTRUCTION_ERROR, failure.number());
                nestbox.x86.Flags.setArithmetic(cpu, nestbox.x86.Flags.ZF);
            }
            default -> {
                cpu.blockLimit = 0;
                cpu.noStepTrap = true;
                cpu.switchWorlds();
                vmx.controls.load(vmx.vmcs);
                vmx.flushForTransition();
                vmx.exit.entryFailure(failure.number(), failure.qualification());
            }
        }
    }

    /** SDM Vol. 3, "Event Injection"; guest state is loaded. */
    private void inject(long information) {
        Vmcs vmcs = vmx.vmcs;
        int type = InterruptionType.type(information);
        if (type == InterruptionType.OTHER_EVENT) {
            vmx.events.injectTrapFlag();
            vmx.guestState.loadPendingDebug();
            return;
        }
        if (cpu.activity != ACTIVITY_WAIT) {
            cpu.activity = Cpu.ACTIVE;
            cpu.unpend(Cpu.PENDING_INACTIVE);
        }
        boolean movSs = cpu.shadow == Cpu.SHADOW_MOV_SS;
        cpu.shadow = Cpu.SHADOW_NONE;
        cpu.unpend(Cpu.PENDING_SHADOW);
        boolean software = type == EventInDelivery.SOFTWARE_INTERRUPT || type == EventInDelivery.SOFTWARE_EXCEPTION;
        if (software && movSs) {
            vmx.guestState.loadPendingDebug();
        }
        if (type == InterruptionType.NMI) {
            blockNmi();
        }
        boolean hasLength = software || type == EventInDelivery.PRIVILEGED_EXCEPTION;
        int length = hasLength ? (int) vmcs.get(VmcsField.VM_ENTRY_INSTRUCTION_LEN) : 0;
        boolean hasError = (information & InterruptionType.ERROR_CODE) != 0;
        long error = hasError ? vmcs.get(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE) : 0;
        Exceptions.inject(cpu, InterruptionType.vector(information), type, hasError, error, length);
    }

    private void blockNmi() {
        if (vmx.controls.pin(Controls.VIRTUAL_NMIS)) {
            vmx.virtualNmiBlocked = true;
        } else {
            cpu.nmiBlocked = true;
        }
    }
}
