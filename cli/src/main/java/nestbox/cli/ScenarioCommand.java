package nestbox.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import nestbox.core.NestboxException;
import nestbox.testkit.scenario.Scenario;
import nestbox.testkit.scenario.ScenarioMatrix;
import nestbox.testkit.scenario.ScenarioRun;
import nestbox.testkit.scenario.Scenarios;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nestbox scenario}. */
@Command(
        name = "scenario",
        description = "Sequences of events that a hypervisor can get wrong, under each policy.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "list | show ID | run ID...|--all")
final class ScenarioCommand {
    @Spec
    private CommandSpec spec;

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    @Command(name = "list", description = "Lists the catalogue.", mixinStandardHelpOptions = true)
    int list() {
        for (Scenario scenario : Scenarios.all()) {
            out().printf("%-18s %s%n", scenario.id(), scenario.title());
        }
        out().flush();
        return 0;
    }

    @Command(
            name = "show",
            description = "Shows a scenario's steps, its source, and what is expected under each policy.",
            mixinStandardHelpOptions = true)
    int show(@Parameters(paramLabel = "ID", description = "A name of the list, or a FILE.asm of your own.") String id) {
        Scenario scenario = Scenarios.named(id);
        out().println(scenario.id() + ": " + scenario.title());
        out().println("From: " + scenario.origin());
        scenario.notes().forEach(out()::println);
        out().println();
        for (int i = 0; i < scenario.steps().size(); i++) {
            out().printf("%3d  %s%n", i, scenario.steps().get(i));
        }
        out().println();
        for (Scenario.Column column : scenario.columns()) {
            String verdict = column.verdict().name().toLowerCase(Locale.ROOT);
            out().printf("  %-52s %s: %s%n", column.text(), verdict, column.observed());
        }
        out().println();
        out().print(scenario.source());
        out().flush();
        return 0;
    }

    @Command(
            name = "run",
            description = "Runs scenarios and prints what each policy comes to; 0 if every cell is as expected.",
            mixinStandardHelpOptions = true)
    int run(
            @Parameters(
                            paramLabel = "ID",
                            arity = "0..*",
                            description = "Names of the list, or a FILE.asm of your own.")
                    List<String> ids,
            @Option(names = "--all", description = "Run the whole catalogue.") boolean all,
            @Option(names = "--json", description = "Print the cells as JSON.") boolean json,
            @Option(names = "--markdown", description = "Print the matrix as Markdown.") boolean markdown)
            throws IOException {
        if ((ids == null) != all) {
            throw new NestboxException("scenario run", "needs an ID or --all");
        }
        List<ScenarioRun> runs = new ArrayList<>();
        for (Scenario scenario :
                all ? Scenarios.all() : ids.stream().map(Scenarios::named).toList()) {
            List<ScenarioRun> cells = Scenarios.run(scenario);
            runs.addAll(cells);
            if (!json && !markdown) {
                out().println(scenario.id() + ": " + scenario.title());
                cells.forEach(cell -> out().printf("  %-52s %s%n", cell.column().text(), cell.text()));
            }
        }
        if (json) {
            ScenarioJson.write(out(), runs);
        } else if (markdown) {
            out().print(ScenarioMatrix.markdown(runs));
        }
        out().flush();
        return runs.stream().allMatch(ScenarioRun::asExpected) ? 0 : ExitCode.CHECK_FAILED.code;
    }
}
