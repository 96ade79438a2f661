package nestbox.modules;

import com.google.inject.Module;
import java.nio.file.Path;
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
    private final Machine machine;
    /** Null on bare silicon. */
    private final Hypervisor hypervisor;

    Nestbox(NestboxConfiguration configuration, Machine machine, Hypervisor hypervisor) {
        this.configuration = configuration;
        this.machine = machine;
        this.hypervisor = hypervisor;
    }

    /** A laboratory that is what its configuration says. Plain constructors wire it: Guice need not be there. */
    public static Nestbox create(NestboxConfiguration configuration) {
        if (configuration.l0() == L0Mode.NONE) {
            Machine bare = new Machine(
                    configuration.machine(), configuration.hypervisor().ports());
            return new Nestbox(configuration, bare, null);
        }
        Hypervisor l0 = new Hypervisor(
                configuration.hypervisor(),
                NestboxConfiguration.backends(configuration.hypervisor().silicon()));
        return new Nestbox(configuration, new Machine(configuration.machine(), l0), l0);
    }

    /**
     * Wires a laboratory with modules of the user's own, {@link NestboxModule}s as a rule: they add and replace policies, CPU
     * features, devices, observers and the other parts that it names.
     *
     * @throws NestboxException with all of Guice's reasons if the wiring is impossible
     */
    public static Nestbox create(NestboxConfiguration configuration, Module... more) {
        return Wiring.create(configuration, more);
    }

    public NestboxConfiguration configuration() {
        return configuration;
    }

    /** The machine that the image sees. */
    public Machine machine() {
        return machine;
    }

    /** L0, unless the image runs on bare silicon. */
    public Optional<Hypervisor> hypervisor() {
        return Optional.ofNullable(hypervisor);
    }

    /** Loads an image from a file. */
    public void load(Path image, String commandLine) {
        load(ImageFile.open(image), commandLine);
    }

    public void load(ImageFile image, String commandLine) {
        machine.load(image, commandLine, List.of());
    }

    /** Runs until something ends the run, or for {@code limit} more instructions. */
    public Outcome run(long limit) {
        return machine.run(limit);
    }
}
