package nestbox.modules;

import com.google.inject.AbstractModule;
import com.google.inject.Provider;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import com.google.inject.multibindings.Multibinder;
import com.google.inject.multibindings.OptionalBinder;
import java.io.OutputStream;
import java.util.Set;
import nestbox.core.trace.TraceSink;
import nestbox.l0.Hypervisor;
import nestbox.machine.DeviceFactory;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.mem.SiliconPort;

/** The machine that the image sees, with the user's devices, and those who observe it. */
final class MachineModule extends AbstractModule {
    private final NestboxConfiguration configuration;

    MachineModule(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    protected void configure() {
        OptionalBinder.newOptionalBinder(binder(), OutputStream.class)
                .setDefault()
                .toInstance(configuration.machine().serial());
        Multibinder.newSetBinder(binder(), DeviceFactory.class);
        Multibinder.newSetBinder(binder(), TraceSink.class);
    }

    @Provides
    @Singleton
    Machine machine(
            SiliconModule.Models models,
            VirtualizationProvider virtualization,
            RetentionPolicy retention,
            OutputStream serial,
            Set<DeviceFactory> devices,
            Set<TraceSink> observers,
            Provider<Hypervisor> hypervisor) {
        boolean bare = configuration.l0() == L0Mode.NONE;
        MachineConfig.Builder builder =
                configuration.machine().toBuilder().cpu(models.visible()).serial(serial);
        devices.forEach(builder::device);
        builder.virtualization(
                bare
                        ? virtualization
                        : NestboxConfiguration.nesting(
                                models.silicon(), configuration.hypervisor().tdp()));
        MachineConfig config = builder.build();
        Machine machine = bare
                ? new Machine(config, processor -> new SiliconPort(processor, processor.physical, retention))
                : new Machine(config, hypervisor.get());
        observers.forEach(machine.trace()::addSink);
        return machine;
    }
}
