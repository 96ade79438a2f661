package nestbox.vmx.l0;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.system.Msr;

/** Gives nested VMX to guests of L0 whose CPU model shows VMX. */
public final class NestedVmxProvider implements VirtualizationProvider {
    /** vmcs12's revision identifier, as KVM has it. */
    static final int REVISION = 0x11e57ed0;

    private static final long REVISION_MASK = 0x7fffffffL;

    private final CpuFeatures silicon;
    private final boolean ept;

    /**
     * @param silicon of the processors below L0
     * @param ept L0 uses EPT; else its guests are offered none, and nothing that needs it
     */
    public NestedVmxProvider(CpuFeatures silicon, boolean ept) {
        this.silicon = silicon;
        this.ept = ept;
    }

    /** Ids of the checks of vmcs12 that are L0's own; all others it leaves to the silicon, whose vmcs02 has what they look at. */
    public static Set<String> ownChecks() {
        return NestedChecks.own();
    }

    @Override
    public VirtualizationExtension create(Cpu cpu) {
        if (!cpu.features.has(Feature.VMX) || cpu.features.vendor() != Vendor.INTEL) {
            return null;
        }
        VmxModel model = VmxModel.of(cpu.features, offer(cpu.features, silicon, ept));
        cpu.msrs.register(rows(model.capability()));
        return new NestedVmx(cpu, model);
    }

    /**
     * The VMX capabilities that L0 shows a guest.
     *
     * @param guest model that it is to see
     * @param silicon of the processors below L0
     * @param ept L0 uses EPT
     */
    public static Set<VmxFeature> offer(CpuFeatures guest, CpuFeatures silicon, boolean ept) {
        return NestedOffer.of(VmxModels.features(guest), VmxModels.features(silicon), ept);
    }

    private static List<Msr> rows(VmxCapability capability) {
        List<Msr> rows = new ArrayList<>();
        for (int index = VmxCapability.MSR_BASIC; index <= VmxCapability.MSR_EXIT_CTLS2; index++) {
            if (capability.hasMsr(index)) {
                long word = capability.msr(index);
                long value = index == VmxCapability.MSR_BASIC ? word & ~REVISION_MASK | REVISION : word;
                rows.add(Msr.of(index, "VMX_" + Integer.toHexString(index), f -> true)
                        .reset(f -> value));
            }
        }
        return rows;
    }
}
