package nestbox.vmx.l0;

import java.util.List;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.l0.HostProcessor;
import nestbox.l0.L0Config;
import nestbox.l0.Vcpu;
import nestbox.l0.VendorBackend;
import nestbox.l0.VendorBackendFactory;
import nestbox.mmu.core.MmuConfig;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/** L0 on Intel's silicon. */
public final class VmxBackendFactory implements VendorBackendFactory {
    @Override
    public MmuConfig mmu(L0Config config) {
        CpuFeatures silicon = config.silicon();
        VmxModel model = VmxModel.of(silicon);
        MmuConfig.Builder builder;
        if (config.tdp()) {
            if (!model.has(VmxFeature.ENABLE_EPT)) {
                throw new NestboxException("--l0 tdp", silicon.modelName() + " has no EPT");
            }
            builder = MmuConfig.ept(silicon.physicalBits()).toBuilder()
                    .accessedDirty(model.has(VmxFeature.EPT_ACCESSED_DIRTY))
                    .executeOnly(model.has(VmxFeature.EPT_EXECUTE_ONLY))
                    .largePages(model.has(VmxFeature.EPT_2MB))
                    .gigabytePages(model.has(VmxFeature.EPT_2MB) && model.has(VmxFeature.EPT_1GB));
        } else {
            builder = MmuConfig.shadow(silicon.physicalBits()).toBuilder().gigabytePages(silicon.has(Feature.PDPE1GB));
        }
        return builder.reference(config.reference()).policies(config.policies()).build();
    }

    @Override
    public VendorBackend create(Vcpu vcpu, HostProcessor host) {
        return new VmxBackend(vcpu, host);
    }

    @Override
    public String exitName(long code) {
        ExitReason reason = ExitReason.byNumber((int) code & 0xffff);
        return reason == null ? VendorBackendFactory.super.exitName(code) : reason.name();
    }

    @Override
    public Set<String> ownChecks() {
        return NestedChecks.own();
    }

    @Override
    public List<VmxEntryStep> entrySteps() {
        return List.of(VmxEntryStep.values());
    }
}
