package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.OptionalBinder;
import nestbox.l0.Hypervisor;
import nestbox.l0.L0Config;
import nestbox.l0.VendorBackendFactory;
import nestbox.mmu.core.MmuPolicies;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.vmx.l0.VmxBackendFactory;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Vendor;

/** L0 and its MMU; {@link MmuPolicies} and {@link VendorBackendFactory} are what a user's module may replace. */
final class HypervisorModule extends AbstractModule {
    private static final int BLOCK_SIZE = 64;

    private final NestboxConfiguration configuration;

    HypervisorModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), MmuPolicies.class)
                .setDefault()
                .toInstance(configuration.policies());
        boolean amd = configuration.silicon().vendor() == Vendor.AMD;
        OptionalBinder.newOptionalBinder(binder(), VendorBackendFactory.class)
                .setDefault()
                .toInstance(amd ? new SvmBackendFactory() : new VmxBackendFactory());
    }

    @Provides
    @Singleton
    L0Config config(
            VirtualizationProvider virtualization,
            RetentionPolicy retention,
            MmuPolicies policies,
            VendorBackendFactory backends) {
        CpuModel silicon = configuration.silicon();
        return new L0Config(
                silicon,
                virtualization,
                cpu -> new SiliconPort(cpu, cpu.physical, retention),
                true,
                BLOCK_SIZE,
                configuration.seed(),
                configuration.l0() == L0Mode.TDP,
                false,
                false,
                policies,
                configuration.nesting(),
                configuration.injections(backends));
    }

    @Provides
    @Singleton
    Hypervisor hypervisor(L0Config config, VendorBackendFactory backends) {
        return new Hypervisor(config, backends);
    }
}
