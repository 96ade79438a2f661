package nestbox.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import nestbox.machine.MachineConfig;
import nestbox.machine.load.ImageFile;
import nestbox.testkit.scenario.Scenarios;
import nestbox.x86.insn.Asm;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code nestbox demo}: an L1 hypervisor with L2 guests under L0, a small guest under two retention policies, and a scenario under two
 * policies of L0.
 */
@Command(
        name = "demo",
        description =
                "Runs an L1 hypervisor with two L2 guests under L0, a guest that forgets an INVLPG, and L0 under a wrong policy.",
        mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    private static final String L1 = "l1.asm";
    private static final String SOURCE = "demo.asm";
    private static final long LOAD_ADDRESS = 0x100000;
    /** What the guest sees of the page before the change, after it, and after INVLPG. */
    private static final String STALE = "old old new";

    private static final String FRESH = "old new new";

    @Option(names = "--quiet", description = "Run, and say only what went wrong.")
    private boolean quiet;

    @Option(names = "--source", description = "Print the guest's assembly source and stop.")
    private boolean source;

    @Option(names = "--trace-hash", description = "Print the SHA-256 of all events of the first run.")
    private boolean traceHash;

    @Option(
            names = "--engine",
            paramLabel = "block|reference",
            defaultValue = "block",
            description = "Engine, as for 'run'.")
    private MachineConfig.Engine engine;

    @Option(names = "--block-size", paramLabel = "N", defaultValue = "64", description = "Longest block, as for 'run'.")
    private int blockSize;

    @Override
    public Integer call() {
        PrintStream out = quiet ? new PrintStream(OutputStream.nullOutputStream(), true) : System.out;
        String text = read(SOURCE);
        String l1 = read(L1) + Scenarios.include("vmx32");
        if (source) {
            System.out.print(l1 + text);
            return 0;
        }
        boolean nested = new NestedDemo(out).run(assemble(L1, l1));
        out.println();
        ImageFile guest = assemble(SOURCE, text);
        out.printf(
                "A guest of %d bytes runs twice on the same PC ('nestbox demo --source' shows both programs).%n",
                guest.length());
        out.println();
        out.println("With --tlb keep a cached translation goes only when the manual requires it:");
        String kept = run(guest, "keep", traceHash, out);
        out.println("With --tlb none nothing is cached:");
        String uncached = run(guest, "none", false, out);
        boolean scenario = kept.equals(STALE) && uncached.equals(FRESH) && explain(out);
        if (!nested) {
            System.err.println("nestbox: the demo went wrong: L1 did not do the same under L0 as on bare silicon");
            return ExitCode.INTERNAL.code;
        }
        if (scenario) {
            return 0;
        }
        System.err.println("nestbox: the demo went wrong: keep gave '" + kept + "', none gave '" + uncached
                + "', or a policy's outcome is not the catalogue's");
        return ExitCode.INTERNAL.code;
    }

    /** What the two runs have shown; then the scenario. */
    private static boolean explain(PrintStream out) {
        out.println(
                "The guest changed a page-table entry and forgot INVLPG. A processor may go on using the old translation,");
        out.println("and the first run did; a test suite that runs under --tlb keep finds such mistakes every time.");
        out.println();
        return new ScenarioDemo(out).run();
    }

    private static String read(String name) {
        try (InputStream in = DemoCommand.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ImageFile assemble(String name, String text) {
        return new ImageFile(name, Asm.assemble(32, LOAD_ADDRESS, text));
    }

    /** Runs the guest and gives what it saw: the last word of its last three lines. */
    private String run(ImageFile guest, String tlb, boolean hash, PrintStream out) {
        RunSettings settings = new RunSettings();
        settings.assembled = guest;
        settings.tlb = tlb;
        settings.engine = engine;
        settings.blockSize = blockSize;
        settings.traceHash = hash;
        settings.summary = false;
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        System.out.flush();
        int code = new GuestRun(settings, serial, System.err).execute();
        String[] lines = serial.toString(StandardCharsets.US_ASCII).split("\n");
        StringBuilder seen = new StringBuilder();
        for (int i = 0; i < lines.length; i++) {
            out.println("    " + lines[i]);
            if (i >= lines.length - 3) {
                seen.append(seen.length() == 0 ? "" : " ").append(lines[i].substring(lines[i].lastIndexOf(' ') + 1));
            }
        }
        out.println();
        return code == 1 ? seen.toString() : "exit code " + code;
    }
}
