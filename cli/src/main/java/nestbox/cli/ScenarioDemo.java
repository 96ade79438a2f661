package nestbox.cli;

import java.io.PrintStream;
import java.util.List;
import nestbox.testkit.scenario.Scenario;
import nestbox.testkit.scenario.ScenarioRun;
import nestbox.testkit.scenario.Scenarios;

/** The demo's last part: a sequence of the kernel mail thread that Nestbox grew out of, under a wrong policy and the right one. */
final class ScenarioDemo {
    private static final String ID = "S-PDPTR-edit";
    private static final List<String> POLICIES = List.of("shadow vmfail.pdptr=memory", "shadow vmfail.pdptr=snapshot");

    private final PrintStream out;

    ScenarioDemo(PrintStream out) {
        this.out = out;
    }

    /** Runs both; true if each came to what the catalogue says of it. */
    boolean run() {
        Scenario scenario = Scenarios.named(ID);
        out.println("Scenario " + ID + " (" + scenario.origin() + "):");
        for (int i = 0; i < scenario.steps().size(); i++) {
            out.printf("  %2d. %s%n", i, scenario.steps().get(i));
        }
        out.println("With two policies plugged into L0, and '" + scenario.right() + "' the manual's answer:");
        boolean good = true;
        for (Scenario.Column column : scenario.columns()) {
            if (POLICIES.contains(column.text())) {
                ScenarioRun run = ScenarioRun.of(scenario, column);
                out.printf("    %-32s %s%n", column.text(), run.text());
                good &= run.asExpected();
            }
        }
        out.println("'nestbox scenario list' has the others, 'nestbox policy list' the policies.");
        return good;
    }
}
