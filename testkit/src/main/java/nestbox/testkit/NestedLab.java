package nestbox.testkit;

import com.google.inject.Module;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import nestbox.l0.Hypervisor;
import nestbox.l0.YieldMoment;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.core.YieldPoint;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import nestbox.testkit.guest.Guest;
import nestbox.x86.insn.Assembly;

/** Runs guests in laboratories of one configuration; each run has a machine of its own, and is recorded. */
public final class NestedLab {
    private static final long LIMIT = 50_000_000;

    private final NestboxConfiguration configuration;
    private final List<Module> modules = new ArrayList<>();
    private final List<LabRun> runs = new ArrayList<>();
    private final List<Consumer<Hypervisor>> callbacks = new ArrayList<>();
    private long limit = LIMIT;
    private String commandLine = "";
    private boolean checkTlb;
    private boolean checkExits = true;

    public NestedLab(NestboxConfiguration configuration) {
        this.configuration = configuration;
    }

    public NestboxConfiguration configuration() {
        return configuration;
    }

    /** Adds Guice modules of the user's own to every later run; see {@link Nestbox#create}. */
    public NestedLab with(Module... more) {
        modules.addAll(Arrays.asList(more));
        return this;
    }

    /** Ends later runs after so many instructions; without it after fifty million. */
    public NestedLab limit(long instructions) {
        limit = instructions;
        return this;
    }

    /** Whether later runs judge every translation that L1 uses; see {@link TlbLedger}. */
    public NestedLab checkTlb(boolean on) {
        checkTlb = on;
        return this;
    }

    /**
     * Calls {@code callback} in every later run whenever L0 comes to a point: it stands for what another processor could do there, to
     * memory say, or lets one run ({@link YieldMoment#run}). Without L0 it is never called.
     */
    public NestedLab atYield(YieldPoint point, Consumer<YieldMoment> callback) {
        callbacks.add(hypervisor -> hypervisor.atYield(point, callback));
        return this;
    }

    /** Whether later runs compare each exit to L1 with hardware's; see {@link LabInvariants}. */
    NestedLab checkExits(boolean on) {
        checkExits = on;
        return this;
    }

    /** What later runs give their image as command line. */
    public NestedLab commandLine(String text) {
        commandLine = text;
        return this;
    }

    /** Assembles a guest and runs it. */
    public LabRun run(Guest guest) {
        Assembly assembly = guest.assemble();
        return run(configuration, new ImageFile("guest", assembly.bytes()), assembly.labels(), List.of());
    }

    /** Runs a guest with the configuration changed: the same on bare silicon, say, to compare with. */
    public LabRun run(Guest guest, UnaryOperator<NestboxConfiguration.Builder> change) {
        Assembly assembly = guest.assemble();
        NestboxConfiguration changed = change.apply(configuration.toBuilder()).build();
        return run(changed, new ImageFile("guest", assembly.bytes()), assembly.labels(), List.of());
    }

    /** Runs an image with files that it gets as modules or initial RAM disk. */
    public LabRun run(ImageFile image, ImageFile... files) {
        return run(configuration, image, Map.of(), List.of(files));
    }

    private LabRun run(NestboxConfiguration how, ImageFile image, Map<String, Long> labels, List<ImageFile> files) {
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        List<Module> all = new ArrayList<>(modules);
        EventRecorder recorder = new EventRecorder(how.l0() != L0Mode.NONE);
        all.add(new NestboxModule() {
            @Override
            protected void configure() {
                serial(serial);
                observer(recorder);
            }
        });
        Nestbox lab = Nestbox.create(how, all.toArray(Module[]::new));
        lab.hypervisor().ifPresent(hypervisor -> callbacks.forEach(callback -> callback.accept(hypervisor)));
        lab.machine().load(image, commandLine, files);
        ExitAgreement agreement = new ExitAgreement(lab.machine());
        if (checkExits && how.l0() != L0Mode.NONE) {
            lab.machine().trace().addSink(agreement);
        }
        LabRun run = new LabRun(lab, serial, recorder, labels, agreement, checkTlb ? ledger(lab) : null);
        runs.add(run);
        run.end(lab.run(limit));
        return run;
    }

    private static TlbLedger ledger(Nestbox lab) {
        Machine machine = lab.machine();
        return lab.hypervisor()
                .map(l0 -> l0.check(machine.memory(), machine.clock()))
                .orElseGet(() -> TlbLedger.onSilicon(machine));
    }

    List<LabRun> runs() {
        return runs;
    }
}
