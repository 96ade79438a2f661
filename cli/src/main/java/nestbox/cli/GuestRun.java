package nestbox.cli;

import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import nestbox.core.Clock;
import nestbox.core.NestboxException;
import nestbox.core.trace.HashSink;
import nestbox.core.trace.JsonSink;
import nestbox.core.trace.TextSink;
import nestbox.core.trace.TraceText;
import nestbox.l0.Hypervisor;
import nestbox.l0.ledger.CheckReport;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.MissingFeatures;
import nestbox.modules.Nestbox;

/** One run of an image: wires the machine, runs it, reports. Results go to {@code out}, everything else to {@code err}. */
final class GuestRun {
    private static final int TRACE_BUFFER = 1 << 16;
    private static final int STOP_SECONDS = 5;

    private final RunSettings settings;
    private final OutputStream out;
    private final PrintStream err;
    /** Only where it was asked for. */
    private HashSink hash;

    private Hypervisor hypervisor;
    private final CountDownLatch reported = new CountDownLatch(1);

    GuestRun(RunSettings settings, OutputStream out, PrintStream err) {
        this.settings = settings;
        this.out = out;
        this.err = err;
    }

    /** L0 of this run, or null. */
    Hypervisor hypervisor() {
        return hypervisor;
    }

    /** What the guest wrote to its serial port, if the run's output is a {@link ByteArrayOutputStream}. */
    String output() {
        return ((ByteArrayOutputStream) out).toString(StandardCharsets.US_ASCII);
    }

    /** The whole run; the result is the exit code. */
    int execute() {
        Nestbox lab = Nestbox.create(RunConfiguration.of(settings, out, err));
        MissingFeatures.of(lab.configuration()).forEach(line -> err.println("nestbox: warning: " + line));
        Machine machine = lab.machine();
        hypervisor = lab.hypervisor().orElse(null);
        load(machine);
        TlbLedger ledger = ledger(machine);
        addSinks(machine);
        Thread interrupt = new Thread(() -> interrupt(machine), "nestbox-interrupt");
        Runtime.getRuntime().addShutdownHook(interrupt);
        Outcome outcome;
        try {
            outcome = run(machine);
            if (ledger != null) {
                report(ledger);
            }
        } finally {
            reported.countDown();
        }
        try {
            Runtime.getRuntime().removeShutdownHook(interrupt);
        } catch (IllegalStateException e) {
            return ExitCode.INTERRUPTED.code;
        }
        return ExitCode.of(outcome);
    }

    private Outcome run(Machine machine) {
        Progress progress = settings.progress ? Progress.start(machine, err) : null;
        long start = System.nanoTime();
        Outcome outcome;
        try {
            outcome = machine.run(settings.limit);
        } finally {
            if (progress != null) {
                progress.stop();
            }
        }
        report(machine, outcome, System.nanoTime() - start);
        return outcome;
    }

    private TlbLedger ledger(Machine machine) {
        return switch (settings.check) {
            case "none" -> null;
            case "tlb" ->
                hypervisor == null ? TlbLedger.onSilicon(machine) : hypervisor.check(machine.memory(), machine.clock());
            default -> throw new NestboxException("--check", "'" + settings.check + "' is neither none nor tlb");
        };
    }

    private void report(TlbLedger ledger) {
        for (CheckReport report : ledger.reports()) {
            switch (report.verdict()) {
                case PERMITTED -> err.println("nestbox: stale, as the guest permits: " + report);
                case NOT_JUDGED -> err.println("nestbox: " + report);
                case FAULT -> {} // ends the run, whose outcome says so
            }
        }
        err.printf("nestbox: check tlb: %,d stale uses that the guest permitted%n", ledger.permitted());
        if (ledger.notJudged() != 0) {
            err.printf("nestbox: check tlb: %,d uses not judged%n", ledger.notJudged());
        }
    }

    private void load(Machine machine) {
        List<ImageFile> modules = new ArrayList<>();
        if (settings.initrd != null) {
            for (String module : settings.initrd.split(",")) {
                modules.add(module(module));
            }
        }
        ImageFile image = settings.assembled != null ? settings.assembled : ImageFile.open(Path.of(settings.image));
        machine.load(image, settings.append, modules);
    }

    /** A module {@code FILE} or {@code FILE ARGUMENTS}, whose whole text is the module's string. */
    private static ImageFile module(String text) {
        int space = text.indexOf(' ');
        ImageFile file = ImageFile.open(Path.of(space < 0 ? text : text.substring(0, space)));
        return space < 0 ? file : new ImageFile(text, file.bytes());
    }

    private void addSinks(Machine machine) {
        if (settings.traceHash) {
            hash = new HashSink();
            machine.trace().addSink(hash);
        }
        if (settings.trace != null) {
            try {
                BufferedWriter writer = new BufferedWriter(
                        Files.newBufferedWriter(settings.trace, StandardCharsets.UTF_8), TRACE_BUFFER);
                String name = settings.trace.toString();
                TraceText text = hypervisor == null ? TraceText.PLAIN : hypervisor.traceText();
                boolean json = name.endsWith(".json") || name.endsWith(".jsonl");
                machine.trace().addSink(json ? new JsonSink(writer) : new TextSink(writer, text));
            } catch (IOException e) {
                throw new NestboxException("--trace", settings.trace + " cannot be written: " + e.getMessage(), e);
            }
        }
    }

    /** Ctrl-C: let the run end at an instruction boundary and report before the process goes. */
    private void interrupt(Machine machine) {
        machine.stop();
        try {
            if (!reported.await(STOP_SECONDS, TimeUnit.SECONDS)) {
                err.println("nestbox: the guest did not stop");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void report(Machine machine, Outcome outcome, long nanos) {
        machine.trace().close();
        PrintStream text = new PrintStream(out, false, StandardCharsets.UTF_8);
        machine.screen().forEach(text::println);
        text.flush();
        try {
            out.flush();
        } catch (IOException e) {
            err.println("nestbox: standard output: " + e.getMessage());
        }
        if (settings.summary) {
            err.println("nestbox: " + summary(machine, outcome, nanos));
        } else if (ExitCode.of(outcome) % 2 == 0
                && outcome.kind() != Outcome.Kind.POWER_OFF
                && outcome.kind() != Outcome.Kind.RESET) {
            err.println("nestbox: " + how(outcome));
        }
        if (settings.stat && hypervisor != null) {
            Counters.report(hypervisor, err);
        }
        if (settings.traceHash) {
            err.println("nestbox: trace " + hash.hash() + " (" + hash.events() + " events)");
        }
    }

    private static String summary(Machine machine, Outcome outcome, long nanos) {
        long retired = machine.retired();
        double seconds = Math.max(nanos, 1) / 1e9;
        return String.format(
                Locale.ROOT,
                "%s; %,d instructions, %.6f s virtual, %.2f s real, %.1f MIPS",
                how(outcome),
                retired,
                (double) machine.now() / Clock.HZ,
                seconds,
                retired / seconds / 1e6);
    }

    private static String how(Outcome outcome) {
        return switch (outcome.kind()) {
            case DEBUG_EXIT -> "debug exit with " + outcome.code();
            case POWER_OFF -> "powered off";
            case RESET -> outcome.detail().isEmpty() ? "reset" : outcome.detail();
            default -> outcome.detail();
        };
    }
}
