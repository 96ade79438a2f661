package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.OptionalBinder;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.silicon.SvmProvider;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.CpuFeatures;

/**
 * The silicon: CPU model, VMX or SVM, retention of its translation caches. {@link CpuFeatures} is what a user's module may
 * replace (a mock, too; it is read once, when the machine is wired).
 */
final class SiliconModule extends AbstractModule {
    private final NestboxConfiguration configuration;

    SiliconModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), CpuFeatures.class)
                .setDefault()
                .toInstance(configuration.visible().toBuilder()
                        .processors(configuration.cpus())
                        .build());
        OptionalBinder.newOptionalBinder(binder(), VirtualizationProvider.class)
                .setDefault()
                .toInstance(new VmxProvider().orElse(new SvmProvider()));
    }

    @Provides
    @Singleton
    RetentionPolicy retention() {
        return RetentionPolicy.parse("tlb", configuration.tlb());
    }
}
