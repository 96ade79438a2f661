package nestbox.modules;

import com.google.inject.CreationException;
import com.google.inject.Guice;
import com.google.inject.Injector;
import com.google.inject.Module;
import com.google.inject.ProvisionException;
import com.google.inject.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.l0.Hypervisor;
import nestbox.machine.Machine;

/** Wires a laboratory by Guice, so that modules of the user's own have their say. */
final class Wiring {
    private Wiring() {}

    static Nestbox create(NestboxConfiguration configuration, Module... more) {
        List<Module> modules = new ArrayList<>(List.of(
                new SiliconModule(configuration),
                new PolicyModule(configuration),
                new HypervisorModule(configuration),
                new MachineModule(configuration)));
        modules.addAll(Arrays.asList(more));
        try {
            Injector injector = Guice.createInjector(Stage.DEVELOPMENT, modules);
            Machine machine = injector.getInstance(Machine.class);
            boolean bare = configuration.l0() == L0Mode.NONE;
            return new Nestbox(configuration, machine, bare ? null : injector.getInstance(Hypervisor.class));
        } catch (CreationException | ProvisionException e) {
            throw cause(e);
        }
    }

    /** Guice's message has every reason; a refusal of Nestbox's own says it more plainly. */
    private static NestboxException cause(RuntimeException e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t instanceof NestboxException typed) {
                return typed;
            }
        }
        return new NestboxException("wiring", e.getMessage(), e);
    }
}
