package nestbox.vmx.l0;

import nestbox.vmx.capability.VmxFeature;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;

/** CR0, CR4 and CR8 of a guest that uses VMX, as emulated instructions read and write them (SDM Vol. 3, "Restrictions on VMX Operation"). */
final class NestedControlRegisters {
    private final NestedVmx vmx;

    NestedControlRegisters(NestedVmx vmx) {
        this.vmx = vmx;
    }

    long read(int number, long value) {
        Controls12 controls = vmx.controls;
        if (!vmx.guest) {
            return value;
        }
        return switch (number) {
            case 0 -> value & ~controls.cr0Mask | controls.cr0Shadow & controls.cr0Mask;
            case 4 -> value & ~controls.cr4Mask | controls.cr4Shadow & controls.cr4Mask;
            case 8 -> controls.primary(VmxFeature.TPR_SHADOW) ? vmx.apic.taskPriority() >>> 4 : value;
            default -> value;
        };
    }

    /** The value that the register gets, or #GP. */
    long write(int number, long value) {
        Cpu c = vmx.cpu;
        Controls12 controls = vmx.controls;
        if (c.smm && number == 4 && (value & Cpu.CR4_VMXE) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (!vmx.on) {
            return value;
        }
        long result = value;
        if (vmx.guest) {
            result = number == 0
                    ? value & ~controls.cr0Mask | c.cr0 & controls.cr0Mask
                    : value & ~controls.cr4Mask | c.cr4 & controls.cr4Mask;
        }
        boolean unrestricted = vmx.guest && controls.secondary(VmxFeature.UNRESTRICTED_GUEST);
        if (!(number == 0 ? vmx.fixed.cr0(result | Cpu.CR0_ET, unrestricted) : vmx.fixed.cr4(result))) {
            throw c.raise(Vector.GP, 0);
        }
        return result;
    }
}
