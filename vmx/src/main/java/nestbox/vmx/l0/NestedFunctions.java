package nestbox.vmx.l0;

import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.Request;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;

/**
 * What L1 asks of EPT12 beyond translation, and L0 does in software: EPTP switching by L2 (SDM Vol. 3, "VM Functions"; facts D.9)
 * and page-modification logging (SDM Vol. 3, "Page-Modification Logging"; facts D.5).
 */
final class NestedFunctions {
    private static final int LIST_ENTRIES = 512;
    private static final int LOG_ENTRIES = 512;
    private static final long ACCESSED_DIRTY = 1 << 6;

    private final NestedVmx vmx;
    private final Cpu cpu;

    NestedFunctions(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** Whether L2's VMFUNC switches to other tables; else it is an exit to L1. */
    boolean possible() {
        boolean known = (cpu.r[Reg.RAX] & 0xffffffffL) == 0
                && (vmx.vmcs12.get(VmcsField.VM_FUNCTION_CONTROL) & VmxFeature.EPTP_SWITCHING.mask()) != 0;
        return known && index() < LIST_ENTRIES && vmx.entry.validEptp(listed());
    }

    private long index() {
        return cpu.r[Reg.RCX] & 0xffffffffL;
    }

    private long listed() {
        return cpu.physical.read(vmx.vmcs12.get(VmcsField.EPTP_LIST_ADDRESS) + 8 * index(), 8);
    }

    /** Carries out the switch that is {@link #possible}. */
    void switchTables() {
        long eptp = listed();
        if (eptp == vmx.controls.eptp) {
            return;
        }
        vmx.vmcs12.set(VmcsField.EPT_POINTER, eptp);
        long flags = vmx.vcpu.follows(NestedPolicy.VMFUNC_AD) ? eptp : vmx.controls.eptp;
        vmx.controls.eptp = eptp & ~ACCESSED_DIRTY | flags & ACCESSED_DIRTY;
        vmx.stage().enter();
        vmx.vcpu.mmu().nestedEntered();
        if (!vmx.controls.secondary(VmxFeature.ENABLE_VPID)) {
            vmx.vcpu.raise(Request.TLB_FLUSH_GUEST);
        }
    }

    /** EPT12 is about to mark a page dirty; false if L1's log is full. */
    boolean logDirty(long guestPhysical) {
        if (!vmx.controls.secondary(VmxFeature.ENABLE_PML)) {
            return true;
        }
        long index = vmx.vmcs12.get(VmcsField.GUEST_PML_INDEX);
        if (index >= LOG_ENTRIES) {
            return false;
        }
        cpu.physical.write(vmx.vmcs12.get(VmcsField.PML_ADDRESS) + 8 * index, 8, guestPhysical & ~0xfffL);
        vmx.vmcs12.set(VmcsField.GUEST_PML_INDEX, index - 1);
        return true;
    }
}
