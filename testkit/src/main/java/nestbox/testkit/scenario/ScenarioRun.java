package nestbox.testkit.scenario;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxModule;
import nestbox.testkit.scenario.Scenario.Column;
import nestbox.testkit.scenario.Scenario.Verdict;
import nestbox.x86.insn.Asm;

/**
 * One cell of the matrix: a scenario under one column.
 *
 * @param verdict what it came to
 * @param observed what was seen
 */
public record ScenarioRun(Scenario scenario, Column column, Verdict verdict, String observed) {
    static final long LIMIT = 5_000_000;
    static final long LOAD = 0x100000;

    /** Assembles the scenario's image and runs it. */
    public static ScenarioRun of(Scenario scenario, Column column) {
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Nestbox lab = Nestbox.create(column.configuration(), new NestboxModule() {
            @Override
            protected void configure() {
                serial(serial);
            }
        });
        List<Probe> probes = scenario.probes().stream().map(Probe.Kind::make).toList();
        if (!probes.isEmpty()) {
            lab.machine().trace().addSink(new Marks(lab, probes));
        }
        probes.forEach(probe -> probe.begin(lab));
        lab.load(new ImageFile(scenario.id(), Asm.assemble(32, LOAD, scenario.source())), "");
        Outcome outcome = lab.run(LIMIT);
        if (outcome.kind() == Outcome.Kind.HYPERVISOR && scenario.reenters()) {
            outcome = lab.run(LIMIT);
        }
        List<String> seen =
                new ArrayList<>(List.of(printable(serial.toString(StandardCharsets.ISO_8859_1)), end(outcome)));
        probes.forEach(probe -> seen.add(probe.observed(lab)));
        seen.removeIf(String::isEmpty);
        String observed = String.join(" ", seen);
        return new ScenarioRun(scenario, column, verdict(outcome, column, scenario, observed), observed);
    }

    private static Verdict verdict(Outcome outcome, Column column, Scenario scenario, String observed) {
        boolean refusal = column.verdict() == Verdict.REFUSED && observed.startsWith(column.observed());
        if (outcome.kind() == Outcome.Kind.UNSUPPORTED || refusal) {
            return Verdict.REFUSED;
        }
        if (observed.equals(column.observed())) {
            return column.verdict();
        }
        return observed.equals(scenario.right()) ? Verdict.RIGHT : Verdict.WRONG;
    }

    private static String end(Outcome outcome) {
        return switch (outcome.kind()) {
            case DEBUG_EXIT -> "";
            case HYPERVISOR, UNSUPPORTED -> outcome.detail().split(";| at cpu ")[0];
            default -> outcome.kind().name().toLowerCase(Locale.ROOT);
        };
    }

    private static String printable(String printed) {
        StringBuilder text = new StringBuilder();
        for (char c : printed.toCharArray()) {
            text.append(c > ' ' && c < 0x7f ? String.valueOf(c) : String.format("\\x%02x", (int) c));
        }
        return text.toString();
    }

    /** Whether what was seen is what the column expects; of a refusal the column gives the beginning. */
    public boolean asExpected() {
        boolean same = verdict == Verdict.REFUSED
                ? observed.startsWith(column.observed())
                : observed.equals(column.observed());
        return verdict == column.verdict() && same;
    }

    /** The cell in words. */
    public String text() {
        return verdict.name().toLowerCase(Locale.ROOT) + ": " + observed + (asExpected() ? "" : " (NOT AS EXPECTED)");
    }
}
