package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.multibindings.MapBinder;
import com.google.inject.multibindings.Multibinder;
import com.google.inject.multibindings.OptionalBinder;
import java.io.OutputStream;
import java.util.function.BooleanSupplier;
import nestbox.core.trace.TraceSink;
import nestbox.l0.NestedPolicies;
import nestbox.l0.NestedPolicy;
import nestbox.l0.VendorBackendFactory;
import nestbox.machine.DeviceFactory;
import nestbox.mmu.core.MmuPolicies;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyValue;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/**
 * A base for modules of the user's own, which add to a laboratory or replace parts of it:
 *
 * <pre>{@code
 * Nestbox.create(NestboxConfiguration.nested(), new NestboxModule() {
 *     protected void configure() {
 *         policy(MmuPolicy.MMIO_GVA_ALLOWED, mine);
 *         feature(Feature.UMIP, () -> false);
 *     }
 * });
 * }</pre>
 *
 * <p>Everything given here is read once, when the laboratory is wired: a mock that answers otherwise later changes nothing. Two
 * modules that give the same part are refused by Guice, with both places.
 */
public abstract class NestboxModule extends AbstractModule {
    /** A value of L0's MMU at one point, over what the configuration says; its rule may be the user's own. */
    protected final void policy(MmuPolicy point, PolicyValue value) {
        MapBinder.newMapBinder(binder(), MmuPolicy.class, PolicyValue.class)
                .addBinding(point)
                .toInstance(value);
    }

    /** A value of nesting at one point, over what the configuration says. */
    protected final void policy(NestedPolicy point, PolicyValue value) {
        MapBinder.newMapBinder(binder(), NestedPolicy.class, PolicyValue.class)
                .addBinding(point)
                .toInstance(value);
    }

    /** All policies of L0's MMU in place of the configuration's. */
    protected final void policies(MmuPolicies policies) {
        replace(MmuPolicies.class, policies);
    }

    /** All policies of nesting in place of the configuration's. */
    protected final void policies(NestedPolicies policies) {
        replace(NestedPolicies.class, policies);
    }

    /** Whether processors have a feature: the silicon's and what the image sees. */
    protected final void feature(Feature feature, BooleanSupplier on) {
        MapBinder.newMapBinder(binder(), Feature.class, BooleanSupplier.class)
                .addBinding(feature)
                .toInstance(on);
    }

    /** What the image sees of its processor, as a whole. */
    protected final void cpu(CpuFeatures features) {
        replace(CpuFeatures.class, features);
    }

    /** A further device on the board; the ports that it takes lie over those of others. */
    protected final void device(DeviceFactory device) {
        Multibinder.newSetBinder(binder(), DeviceFactory.class).addBinding().toInstance(device);
    }

    /** Somebody who is told of every trace event, and changes nothing. */
    protected final void observer(TraceSink sink) {
        Multibinder.newSetBinder(binder(), TraceSink.class).addBinding().toInstance(sink);
    }

    /** Where the first serial port writes. */
    protected final void serial(OutputStream out) {
        replace(OutputStream.class, out);
    }

    /** What the silicon's translation caches keep. */
    protected final void retention(RetentionPolicy retention) {
        replace(RetentionPolicy.class, retention);
    }

    /** VMX or SVM of the silicon. */
    protected final void virtualization(VirtualizationProvider provider) {
        replace(VirtualizationProvider.class, provider);
    }

    /** How L0 uses the silicon's VMX or SVM. */
    protected final void backend(VendorBackendFactory factory) {
        replace(VendorBackendFactory.class, factory);
    }

    private <T> void replace(Class<T> type, T part) {
        OptionalBinder.newOptionalBinder(binder(), type).setBinding().toInstance(part);
    }
}
