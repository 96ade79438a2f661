package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.MapBinder;
import com.google.inject.multibindings.OptionalBinder;
import java.util.Map;
import nestbox.l0.NestedPolicies;
import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.MmuPolicies;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyValue;

/** The policy points of L0: the configuration's values, over which single points of the user's go. */
final class PolicyModule extends AbstractModule {
    private final NestboxConfiguration configuration;

    PolicyModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), MmuPolicies.class)
                .setDefault()
                .toInstance(configuration.policies());
        OptionalBinder.newOptionalBinder(binder(), NestedPolicies.class)
                .setDefault()
                .toInstance(configuration.nesting());
        MapBinder.newMapBinder(binder(), MmuPolicy.class, PolicyValue.class);
        MapBinder.newMapBinder(binder(), NestedPolicy.class, PolicyValue.class);
    }

    @Provides
    @Singleton
    Policies policies(
            MmuPolicies mmu,
            NestedPolicies nesting,
            Map<MmuPolicy, PolicyValue> mmuPoints,
            Map<NestedPolicy, PolicyValue> nestingPoints) {
        MmuPolicies.Builder builder = mmu.toBuilder();
        mmuPoints.forEach(builder::set);
        NestedPolicies nested = nesting;
        for (Map.Entry<NestedPolicy, PolicyValue> point : nestingPoints.entrySet()) {
            nested = nested.with(point.getKey(), point.getValue());
        }
        return new Policies(mmuPoints.isEmpty() ? mmu : builder.build(), nested);
    }

    /** What L0 goes by. */
    record Policies(MmuPolicies mmu, NestedPolicies nesting) {}
}
