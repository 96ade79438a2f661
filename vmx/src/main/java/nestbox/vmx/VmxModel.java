package nestbox.vmx;

import java.util.Set;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.system.ControlRegisters;

/** VMX as one CPU model has it: its capabilities and the VMCS fields that exist. Immutable; made once, at wiring. */
public final class VmxModel {
    private final CpuFeatures cpu;
    private final VmxCapability capability;
    /** By ordinal. */
    private final boolean[] fields = new boolean[VmcsField.count()];

    private VmxModel(CpuFeatures cpu, Set<VmxFeature> features) {
        this.cpu = cpu;
        int highest = 0;
        for (VmcsField field : VmcsField.values()) {
            if (field.exists(features)) {
                fields[field.ordinal()] = true;
                highest = Math.max(highest, field.index());
            }
        }
        // A processor with this room plugged in has CR4.VMXE, whether or not its CPUID shows VMX.
        capability = new VmxCapability(features, ControlRegisters.cr4Mask(cpu) | Cpu.CR4_VMXE, highest);
    }

    /** The model that {@code --cpu} names, with its switches. */
    public static VmxModel of(CpuFeatures cpu) {
        return new VmxModel(cpu, VmxModels.features(cpu));
    }

    /** A processor with exactly these VMX features, whatever its model. */
    public static VmxModel of(CpuFeatures cpu, Set<VmxFeature> features) {
        return new VmxModel(cpu, features);
    }

    public CpuFeatures cpu() {
        return cpu;
    }

    public VmxCapability capability() {
        return capability;
    }

    public boolean has(VmxFeature feature) {
        return capability.has(feature);
    }

    /** Whether VMREAD and VMWRITE know the field. */
    public boolean has(VmcsField field) {
        return fields[field.ordinal()];
    }
}
