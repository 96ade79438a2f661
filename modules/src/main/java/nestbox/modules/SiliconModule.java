package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.MapBinder;
import com.google.inject.multibindings.OptionalBinder;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import nestbox.core.NestboxException;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;

/** The silicon: CPU model with the user's features, VMX or SVM, retention of its translation caches. */
final class SiliconModule extends AbstractModule {
    private final NestboxConfiguration configuration;

    SiliconModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), CpuFeatures.class)
                .setDefault()
                .toInstance(configuration.machine().cpu());
        MapBinder.newMapBinder(binder(), Feature.class, BooleanSupplier.class);
        OptionalBinder.newOptionalBinder(binder(), VirtualizationProvider.class)
                .setDefault()
                .toInstance(configuration.hypervisor().virtualization());
        OptionalBinder.newOptionalBinder(binder(), RetentionPolicy.class)
                .setDefault()
                .toInstance(RetentionPolicy.parse("tlb", configuration.machine().tlbPolicy()));
    }

    /** Asks each feature of the user's once. */
    @Provides
    @Singleton
    Models models(CpuFeatures visible, Map<Feature, BooleanSupplier> features) {
        CpuFeatures silicon = configuration.hypervisor().silicon();
        if (features.isEmpty()) {
            return new Models(visible, silicon);
        }
        Map<Feature, Boolean> answers = new EnumMap<>(Feature.class);
        features.forEach((feature, on) -> answers.put(feature, on.getAsBoolean()));
        Models models = new Models(with(visible, answers), with(silicon, answers));
        List<String> reasons =
                NestboxConfiguration.reasonsAgainst(models.silicon(), configuration.cpu(), configuration.l0());
        if (!reasons.isEmpty()) {
            throw new NestboxException("configuration", String.join("; ", reasons));
        }
        return models;
    }

    private static CpuFeatures with(CpuFeatures model, Map<Feature, Boolean> answers) {
        if (!(model instanceof CpuModel known)) {
            throw new NestboxException("cpu", "single features are given to a model that is replaced as a whole");
        }
        CpuModel.Builder builder = known.toBuilder();
        answers.forEach(builder::feature);
        return builder.build();
    }

    /**
     * The processor models of a laboratory.
     *
     * @param visible what the image sees
     * @param silicon what L0 runs on
     */
    record Models(CpuFeatures visible, CpuFeatures silicon) {}
}
