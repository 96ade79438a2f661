package nestbox.vmx;

import java.util.EnumSet;
import java.util.Set;
import nestbox.vmx.capability.Cr4Bits;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.model.CpuFeatures;

/** VMX as one CPU model has it: its capabilities and the VMCS fields that exist. Immutable; made once, at wiring. */
public final class VmxModel {
    private final CpuFeatures cpu;
    private final VmxCapability capability;
    private final EnumSet<VmcsField> fields = EnumSet.noneOf(VmcsField.class);

    private VmxModel(CpuFeatures cpu, Set<VmxFeature> features) {
        this.cpu = cpu;
        int highest = 0;
        for (VmcsField field : VmcsField.values()) {
            if (field.exists(features)) {
                fields.add(field);
                highest = Math.max(highest, field.index());
            }
        }
        capability = new VmxCapability(features, Cr4Bits.supported(cpu), highest);
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
        return fields.contains(field);
    }
}
