package nestbox.svm.l0;

import java.util.List;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.l0.HostProcessor;
import nestbox.l0.L0Config;
import nestbox.l0.Vcpu;
import nestbox.l0.VendorBackend;
import nestbox.l0.VendorBackendFactory;
import nestbox.mmu.core.MmuConfig;
import nestbox.svm.vmcb.ExitCode;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/** L0 on AMD's silicon. */
public final class SvmBackendFactory implements VendorBackendFactory {
    @Override
    public MmuConfig mmu(L0Config config) {
        CpuFeatures silicon = config.silicon();
        if (config.tdp() && !silicon.has(Feature.NPT)) {
            throw new NestboxException("--l0 tdp", silicon.modelName() + " has no nested paging");
        }
        MmuConfig base =
                config.tdp() ? MmuConfig.npt(silicon.physicalBits()) : MmuConfig.shadow(silicon.physicalBits());
        return base.toBuilder()
                .gigabytePages(silicon.has(Feature.PDPE1GB))
                .reference(config.reference())
                .policies(config.policies())
                .build();
    }

    @Override
    public VendorBackend create(Vcpu vcpu, HostProcessor host) {
        return new SvmBackend(vcpu, host);
    }

    @Override
    public String exitName(long code) {
        return ExitCode.name(code);
    }

    @Override
    public Set<String> ownChecks() {
        return NestedVmrun.CHECKS;
    }

    @Override
    public List<SvmEntryStep> entrySteps() {
        return List.of(SvmEntryStep.values());
    }
}
