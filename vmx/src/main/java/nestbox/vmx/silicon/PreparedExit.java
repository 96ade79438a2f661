package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/** The exit of an access that unwinds: noted where the access is refused, made when the instruction or delivery has ended. */
final class PreparedExit {
    private final Vmx vmx;
    private final Cpu cpu;
    private ExitReason reason;
    private long qualification;

    PreparedExit(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void note(ExitReason exitReason, long exitQualification) {
        reason = exitReason;
        qualification = exitQualification;
    }

    /** These exits save RF set, except during the delivery of an event (SDM Vol. 3, "Saving RIP, RSP, RFLAGS, and SSP"). */
    void leave() {
        if (!cpu.event.active) {
            cpu.systemFlags |= Flags.RF;
            vmx.vmcs.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, cpu.faultLength);
        }
        vmx.exit.event(reason, qualification);
    }
}
