package nestbox.vmx.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/**
 * The default treatment of SMIs: SMM lies outside VMX operation, and RSM goes back to it (SDM Vol. 3, "Default Treatment of SMIs
 * and SMM with VMX Operation and SMX Operation"). The current-VMCS pointer, the state of NMI blocking, a pending monitor-trap-flag
 * exit and the preemption timer stay where they are.
 */
final class SystemManagement {
    private final Vmx vmx;
    private final Cpu cpu;

    private boolean vmxe;
    private boolean inVmx;
    private boolean inGuest;
    private final long[] pdpte = new long[4];

    SystemManagement(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** SMM is about to be entered: the CR4 image is to have VMXE 0. */
    void enter() {
        vmxe = (cpu.cr4 & Cpu.CR4_VMXE) != 0;
        inVmx = vmx.on;
        inGuest = vmx.guest;
        System.arraycopy(cpu.pdpte, 0, pdpte, 0, 4);
        vmx.on = false;
        vmx.guest = false;
        cpu.cr4 &= ~Cpu.CR4_VMXE;
        vmx.switchWorld();
    }

    /** RSM has loaded the registers; false if VMXE is set in the image. */
    boolean leave() {
        if ((cpu.cr4 & Cpu.CR4_VMXE) != 0) {
            return false;
        }
        if (vmxe) {
            cpu.cr4 |= Cpu.CR4_VMXE;
        }
        if (!inVmx) {
            return true;
        }
        vmx.on = true;
        vmx.guest = inGuest;
        boolean unrestricted = inGuest && vmx.controls.secondary(Controls.UNRESTRICTED);
        cpu.cr0 = vmx.fixed.forceCr0(cpu.cr0, unrestricted);
        cpu.cr4 = vmx.fixed.forceCr4(cpu.cr4);
        if ((cpu.systemFlags & Flags.VM) == 0 && !unrestricted) {
            int level = (cpu.rights[Reg.SS] & Cpu.RIGHTS_DPL) >> 5;
            cpu.selector[Reg.CS] = cpu.selector[Reg.CS] & ~3 | level;
            cpu.selector[Reg.SS] = cpu.selector[Reg.SS] & ~3 | level;
        }
        if (inGuest) {
            System.arraycopy(pdpte, 0, cpu.pdpte, 0, 4);
            vmx.events.resume();
        }
        vmx.switchWorld();
        cpu.updateMode();
        cpu.updatePending();
        return true;
    }

    void save(StateWriter out) {
        out.writeBoolean(vmxe).writeBoolean(inVmx).writeBoolean(inGuest).writeLongs(pdpte);
    }

    void restore(StateReader in) {
        vmxe = in.readBoolean();
        inVmx = in.readBoolean();
        inGuest = in.readBoolean();
        in.readLongs(pdpte);
    }
}
