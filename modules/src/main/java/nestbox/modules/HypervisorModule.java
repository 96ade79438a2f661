package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.OptionalBinder;
import nestbox.l0.Hypervisor;
import nestbox.l0.L0Config;
import nestbox.l0.VendorBackendFactory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.mem.SiliconPort;

/** L0 and its MMU. */
final class HypervisorModule extends AbstractModule {
    private final NestboxConfiguration configuration;

    HypervisorModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), VendorBackendFactory.class)
                .setDefault()
                .toInstance(
                        NestboxConfiguration.backends(configuration.hypervisor().silicon()));
    }

    @Provides
    @Singleton
    L0Config config(
            SiliconModule.Models models,
            VirtualizationProvider virtualization,
            RetentionPolicy retention,
            PolicyModule.Policies policies) {
        return configuration.hypervisor().toBuilder()
                .silicon(models.silicon())
                .virtualization(virtualization)
                .ports(cpu -> new SiliconPort(cpu, cpu.physical, retention))
                .policies(policies.mmu())
                .nested(policies.nesting())
                .build();
    }

    @Provides
    @Singleton
    Hypervisor hypervisor(L0Config config, VendorBackendFactory backends) {
        return new Hypervisor(config, backends);
    }
}
