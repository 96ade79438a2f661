package nestbox.vmx.silicon;

import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxModels;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** Gives VMX to every Intel processor whose CPUID shows it. */
public final class VmxProvider implements VirtualizationProvider {
    @Override
    public VirtualizationExtension create(Cpu cpu) {
        if (!cpu.features.has(Feature.VMX) || cpu.features.vendor() != Vendor.INTEL) {
            return null;
        }
        Vmx vmx = new Vmx(cpu, VmxModel.of(cpu.features, VmxModels.features(cpu.features, Hidden.features())));
        cpu.msrs.register(VmxMsrs.rows(vmx.model.capability()));
        return vmx;
    }
}
