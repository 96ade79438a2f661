package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.AbortIndicator;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.EventInDelivery;

/** VM exits: information, guest state, MSR lists, host state (SDM Vol. 3, chapter "VM Exits"). */
final class Exit {
    private final Vmx vmx;
    private final Cpu cpu;

    Exit(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** A fault-like exit by an instruction, which RIP is behind. */
    void instruction(Insn in, ExitReason reason, long qualification, long information) {
        rewind(in);
        vmx.vmcs.set(VmcsField.VMX_INSTRUCTION_INFO, information);
        leave(reason, qualification, 0, 0);
    }

    /** RIP goes back to the instruction, whose length is noted. */
    void rewind(Insn in) {
        long start = cpu.r[Reg.BLOCK_RIP] + in.next - in.length;
        cpu.rip = cpu.codeSize == 64 ? start : start & 0xffffffffL;
        vmx.vmcs.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, in.length);
    }

    /** An exit by something that is no instruction, or behind one. */
    void event(ExitReason reason, long qualification) {
        leave(reason, qualification, 0, 0);
    }

    /** An exit with interruption information. */
    void interruption(ExitReason reason, long qualification, long information, long errorCode) {
        leave(reason, qualification, information, errorCode);
    }

    private void leave(ExitReason reason, long qualification, long information, long errorCode) {
        Vmcs vmcs = vmx.vmcs;
        vmcs.set(VmcsField.VM_EXIT_REASON, reason.number() | vmx.events.busLockFlag());
        vmcs.set(VmcsField.EXIT_QUALIFICATION, qualification);
        vmcs.set(VmcsField.VM_EXIT_INTR_INFO, information);
        if ((information & InterruptionType.ERROR_CODE) != 0) {
            vmcs.set(VmcsField.VM_EXIT_INTR_ERROR_CODE, errorCode);
        }
        vectoring();
        VmxTrace.exit(cpu, reason.number(), qualification);
        vmx.guestState.save();
        long injected = vmcs.get(VmcsField.VM_ENTRY_INTR_INFO);
        vmcs.set(VmcsField.VM_ENTRY_INTR_INFO, injected & ~InterruptionType.VALID);
        // The stored IA32_TIME_STAMP_COUNTER is the processor's, without the guest's offset.
        vmx.guest = false;
        if (!vmx.msrLists.store()) {
            abort(AbortIndicator.SAVING_GUEST_MSRS);
            return;
        }
        toHost();
    }

    /** IDT-vectoring information: the event in whose delivery the exit happened. */
    private void vectoring() {
        EventInDelivery event = cpu.event;
        Vmcs vmcs = vmx.vmcs;
        long word = 0;
        if (event.active) {
            word = event.vector | (long) event.type << 8 | InterruptionType.VALID;
            if (event.hasErrorCode) {
                word |= InterruptionType.ERROR_CODE;
                vmcs.set(VmcsField.IDT_VECTORING_ERROR_CODE, event.errorCode);
            }
            if (event.length != 0) {
                vmcs.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, event.length);
            }
        }
        vmcs.set(VmcsField.IDT_VECTORING_INFO_FIELD, word);
    }

    /** A VM entry failed during or after loading guest state. */
    void entryFailure(int reason, long qualification) {
        vmx.vmcs.set(VmcsField.VM_EXIT_REASON, reason | ExitReason.ENTRY_FAILURE);
        vmx.vmcs.set(VmcsField.EXIT_QUALIFICATION, qualification);
        VmxTrace.exit(cpu, reason, qualification);
        toHost();
    }

    private void toHost() {
        vmx.events.forget();
        vmx.flushForTransition();
        vmx.guest = false;
        cpu.blockLimit = 0;
        cpu.noStepTrap = true;
        cpu.switchWorlds();
        if (!vmx.hostState.load()) {
            abort(AbortIndicator.HOST_PDPTES);
        } else if (vmx.msrLists.load(MsrLists.EXIT_LIST) != 0) {
            abort(AbortIndicator.LOADING_HOST_MSRS);
        }
        cpu.guestLeft();
    }

    /** SDM Vol. 3, "VMX Aborts": the indicator goes to memory, and the processor shuts down. */
    private void abort(AbortIndicator indicator) {
        vmx.guest = false;
        cpu.physical.write(vmx.vmcs.address() + VmcsLayout.ABORT_INDICATOR, 4, indicator.number());
        cpu.activity = Cpu.SHUTDOWN;
        cpu.pend(Cpu.PENDING_INACTIVE);
        cpu.platform.shutdown(cpu);
    }
}
