package nestbox.cli;

import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import nestbox.core.NestboxException;
import nestbox.testkit.scenario.Scenario;
import nestbox.testkit.scenario.ScenarioMatrix;
import nestbox.testkit.scenario.ScenarioRun;
import nestbox.testkit.scenario.Scenarios;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nestbox scenario}. */
@Command(
        name = "scenario",
        description = "Sequences of events that a hypervisor can get wrong, under each policy.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "list | show ID | run ID...|--all")
final class ScenarioCommand {
    @Command(name = "list", description = "Lists the catalogue.", mixinStandardHelpOptions = true)
    int list() {
        for (Scenario scenario : Scenarios.all()) {
            System.out.printf("%-18s %s%n", scenario.id(), scenario.title());
        }
        return 0;
    }

    @Command(
            name = "show",
            description = "Shows a scenario's steps, its source, and what is expected under each policy.",
            mixinStandardHelpOptions = true)
    int show(@Parameters(paramLabel = "ID", description = "A name of the list, or a FILE.asm of your own.") String id) {
        Scenario scenario = Scenarios.named(id);
        System.out.println(scenario.id() + ": " + scenario.title());
        System.out.println("From: " + scenario.origin());
        scenario.notes().forEach(System.out::println);
        System.out.println();
        for (int i = 0; i < scenario.steps().size(); i++) {
            System.out.printf("%3d  %s%n", i, scenario.steps().get(i));
        }
        System.out.println();
        for (Scenario.Column column : scenario.columns()) {
            String verdict = column.verdict().name().toLowerCase(Locale.ROOT);
            System.out.printf("  %-52s %s: %s%n", column.text(), verdict, column.observed());
        }
        System.out.println();
        System.out.print(scenario.source());
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
                System.out.println(scenario.id() + ": " + scenario.title());
                cells.forEach(
                        cell -> System.out.printf("  %-52s %s%n", cell.column().text(), cell.text()));
            }
        }
        if (json) {
            ScenarioJson.write(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), runs);
        } else if (markdown) {
            System.out.print(ScenarioMatrix.markdown(runs));
        }
        return runs.stream().allMatch(ScenarioRun::asExpected) ? 0 : ExitCode.CHECK_FAILED.code;
    }
}
