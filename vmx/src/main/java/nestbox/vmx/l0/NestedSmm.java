package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.vmx.capability.VmxFeature;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/**
 * SMM of a guest that uses VMX, by the default treatment (SDM Vol. 3, "Default Treatment of SMI Delivery" and "Default Treatment of
 * RSM"): it lies outside VMX operation. If L2 runs it is left without an exit, as KVM does it, and RSM enters it again; the registers
 * that the state save area does not hold stay L2's, as on the silicon. Pending monitor-trap-flag exits and the preemption timer wait.
 */
final class NestedSmm implements Stateful {
    private final NestedVmx vmx;
    private final Cpu cpu;

    private boolean vmxe;
    /** RSM goes back to VMX operation. */
    private boolean inVmx;
    /** RSM goes back to L2. */
    private boolean inGuest;

    NestedSmm(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    boolean inVmx() {
        return inVmx;
    }

    boolean inGuest() {
        return inGuest;
    }

    /** The processor is about to enter SMM; the CR4 image is to have VMXE 0. */
    void enter() {
        vmxe = (cpu.cr4 & Cpu.CR4_VMXE) != 0;
        inVmx = vmx.on;
        inGuest = vmx.guest;
        if (inGuest) {
            vmx.entry.suspend();
        }
        vmx.on = false;
        cpu.cr4 &= ~Cpu.CR4_VMXE;
    }

    /** RSM has loaded the registers; false if the processor shuts down. */
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
        boolean entersGuest = inGuest;
        reset();
        vmx.on = true;
        if (entersGuest) {
            // As KVM does it since be5fa8737d42: nested state may have been replaced meanwhile.
            if (vmx.entry.checkControls() != null) {
                return false;
            }
            vmx.controls.load(vmx.vmcs12);
        }
        forceFixedBits(entersGuest && vmx.controls.secondary(VmxFeature.UNRESTRICTED_GUEST));
        if (entersGuest) {
            vmx.entry.unsuspend();
        }
        cpu.updatePending();
        return true;
    }

    private void forceFixedBits(boolean unrestricted) {
        cpu.cr0 = vmx.fixed.forceCr0(cpu.cr0, unrestricted);
        cpu.cr4 = vmx.fixed.forceCr4(cpu.cr4);
        if ((cpu.systemFlags & Flags.VM) == 0 && !unrestricted) {
            int level = (cpu.rights[Reg.SS] & Cpu.RIGHTS_DPL) >> 5;
            cpu.selector[Reg.CS] = cpu.selector[Reg.CS] & ~3 | level;
            cpu.selector[Reg.SS] = cpu.selector[Reg.SS] & ~3 | level;
        }
        cpu.updateMode();
    }

    /** Nothing waits for RSM. */
    void reset() {
        inVmx = false;
        inGuest = false;
    }

    /** Of a state from outside. */
    void set(boolean vmxOperation, boolean guest) {
        vmxe |= vmxOperation;
        inVmx = vmxOperation;
        inGuest = guest;
    }

    @Override
    public void save(StateWriter out) {
        out.writeBoolean(vmxe).writeBoolean(inVmx).writeBoolean(inGuest);
    }

    @Override
    public void restore(StateReader in) {
        vmxe = in.readBoolean();
        inVmx = in.readBoolean();
        inGuest = in.readBoolean();
    }
}
