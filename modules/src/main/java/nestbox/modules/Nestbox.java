package nestbox.modules;

import com.google.inject.CreationException;
import com.google.inject.Guice;
import com.google.inject.Injector;
import com.google.inject.Module;
import com.google.inject.ProvisionException;
import com.google.inject.Stage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import nestbox.core.NestboxException;
import nestbox.l0.Hypervisor;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;

/**
 * A wired laboratory:
 *
 * <pre>{@code
 * Nestbox lab = Nestbox.create(NestboxConfiguration.nested());
 * lab.load(Path.of("vmx.flat"), "vmenter");
 * Outcome outcome = lab.run(1_000_000_000);
 * System.out.println(outcome + " " + lab.hypervisor().orElseThrow().exitCounts());
 * }</pre>
 */
public final class Nestbox {
    private final NestboxConfiguration configuration;
    private final Injector injector;

    private Nestbox(NestboxConfiguration configuration, Injector injector) {
        this.configuration = configuration;
        this.injector = injector;
    }

    /**
     * Wires a laboratory. Modules of the user's own, {@link NestboxModule}s as a rule, add and replace policies, CPU features,
     * devices, observers and the other parts that it names.
     *
     * @throws NestboxException with all of Guice's reasons if the wiring is impossible
     */
    public static Nestbox create(NestboxConfiguration configuration, Module... more) {
        List<Module> modules = new ArrayList<>(List.of(
                new SiliconModule(configuration),
                new PolicyModule(configuration),
                new HypervisorModule(configuration),
                new MachineModule(configuration)));
        modules.addAll(Arrays.asList(more));
        try {
            Injector injector = Guice.createInjector(Stage.DEVELOPMENT, modules);
            injector.getInstance(Machine.class);
            return new Nestbox(configuration, injector);
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

    public NestboxConfiguration configuration() {
        return configuration;
    }

    /** The machine that the image sees. */
    public Machine machine() {
        return injector.getInstance(Machine.class);
    }

    /** L0, unless the image runs on bare silicon. */
    public Optional<Hypervisor> hypervisor() {
        return configuration.l0() == L0Mode.NONE
                ? Optional.empty()
                : Optional.of(injector.getInstance(Hypervisor.class));
    }

    /** Loads an image from a file. */
    public void load(Path image, String commandLine) {
        load(ImageFile.open(image), commandLine);
    }

    public void load(ImageFile image, String commandLine) {
        machine().load(image, commandLine, List.of());
    }

    /** Runs until something ends the run, or for {@code limit} more instructions. */
    public Outcome run(long limit) {
        return machine().run(limit);
    }
}
