package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provider;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.OptionalBinder;
import java.io.OutputStream;
import nestbox.l0.Hypervisor;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.l0.NestedSvmProvider;
import nestbox.vmx.l0.NestedVmxProvider;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuFeatures;

/** The machine that the image sees; {@link OutputStream} is where its serial port writes. */
final class MachineModule extends AbstractModule {
    private final NestboxConfiguration configuration;

    MachineModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), OutputStream.class)
                .setDefault()
                .toInstance(OutputStream.nullOutputStream());
    }

    @Provides
    @Singleton
    Machine machine(
            CpuFeatures cpu,
            VirtualizationProvider virtualization,
            RetentionPolicy retention,
            OutputStream serial,
            Provider<Hypervisor> hypervisor) {
        boolean bare = configuration.l0() == L0Mode.NONE;
        MachineConfig config = MachineConfig.builder(cpu)
                .memoryBytes(configuration.memoryBytes())
                .cpus(configuration.cpus())
                .tlbPolicy(configuration.tlb())
                .seed(configuration.seed())
                .serial(serial)
                .virtualization(bare ? virtualization : nesting())
                .build();
        return bare
                ? new Machine(config, processor -> new SiliconPort(processor, processor.physical, retention))
                : new Machine(config, hypervisor.get());
    }

    /** What L0's guests get of virtualization. */
    private VirtualizationProvider nesting() {
        return new NestedVmxProvider(configuration.silicon(), configuration.l0() == L0Mode.TDP)
                .orElse(new NestedSvmProvider());
    }
}
