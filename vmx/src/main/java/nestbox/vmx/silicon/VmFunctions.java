package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** VMFUNC and its one function, EPTP switching (SDM Vol. 3, "VM Functions"). */
final class VmFunctions {
    private static final int LIST_ENTRIES = 512;
    private static final int FUNCTIONS = 64;

    private final Vmx vmx;
    private final Cpu cpu;

    VmFunctions(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void execute(Insn in) {
        if (!vmx.guest || !vmx.controls.secondary(Controls.VM_FUNCTIONS)) {
            throw cpu.raise(Vector.UD);
        }
        long function = cpu.r[Reg.RAX] & 0xffffffffL;
        if (function >= FUNCTIONS) {
            throw cpu.raise(Vector.UD);
        }
        boolean known =
                function == 0 && (vmx.vmcs.get(VmcsField.VM_FUNCTION_CONTROL) & VmxFeature.EPTP_SWITCHING.mask()) != 0;
        if (!known || !switchTables()) {
            vmx.exit.instruction(in, ExitReason.VMFUNC, 0, 0);
        }
    }

    private boolean switchTables() {
        long index = cpu.r[Reg.RCX] & 0xffffffffL;
        if (index >= LIST_ENTRIES) {
            return false;
        }
        long eptp = cpu.physical.read(vmx.vmcs.get(VmcsField.EPTP_LIST_ADDRESS) + 8 * index, 8);
        if (!vmx.ept.valid(eptp)) {
            return false;
        }
        vmx.vmcs.set(VmcsField.EPT_POINTER, eptp);
        vmx.controls.eptp = eptp;
        if (vmx.controls.secondary(Controls.EPT_VE)) {
            vmx.vmcs.set(VmcsField.EPTP_INDEX, index);
        }
        vmx.switchWorld();
        cpu.mem.translationChanged();
        return true;
    }
}
