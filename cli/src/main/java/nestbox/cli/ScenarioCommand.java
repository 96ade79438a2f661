package nestbox.cli;

import java.util.List;
import nestbox.core.NestboxException;
import nestbox.testkit.scenario.Scenario;
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
        synopsisSubcommandLabel = "list | show ID | run ID|--all")
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
            description = "Shows a scenario's steps, policies and source.",
            mixinStandardHelpOptions = true)
    int show(
            @Parameters(paramLabel = "ID") String id,
            @Option(names = "--source", description = "Print the assembly source, too.") boolean source) {
        Scenario scenario = Scenarios.named(id);
        System.out.println(scenario.id() + ": " + scenario.title());
        for (int i = 0; i < scenario.steps().size(); i++) {
            System.out.printf("%3d  %s%n", i, scenario.steps().get(i));
        }
        System.out.println("Right: " + scenario.right());
        for (Scenario.Column column : scenario.columns()) {
            System.out.printf("  %-34s %s%n", column.policies(), scenario.wrong(column) ? "goes wrong" : "right");
        }
        if (source) {
            System.out.print(scenario.source());
        }
        return 0;
    }

    @Command(
            name = "run",
            description = "Runs scenarios and prints what each policy comes to; 0 if every cell is as expected.",
            mixinStandardHelpOptions = true)
    int run(
            @Parameters(paramLabel = "ID", arity = "0..1") String id,
            @Option(names = "--all", description = "Run the whole catalogue.") boolean all) {
        if ((id == null) != all) {
            throw new NestboxException("scenario run", "needs an ID or --all");
        }
        boolean good = true;
        for (Scenario scenario : all ? Scenarios.all() : List.of(Scenarios.named(id))) {
            System.out.println(scenario.id() + ": " + scenario.title());
            for (ScenarioRun cell : Scenarios.run(scenario)) {
                System.out.printf("  %-34s %s%n", cell.column().policies(), cell.text());
                good &= cell.asExpected();
            }
        }
        return good ? 0 : ExitCode.CHECK_FAILED.code;
    }
}
