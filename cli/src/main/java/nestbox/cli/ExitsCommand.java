package nestbox.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import nestbox.testkit.exits.ExitTable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nestbox exits}. */
@Command(
        name = "exits",
        description =
                "Measures how many exits to L0 one action of L2 takes, with and without what the silicon has to save them.",
        mixinStandardHelpOptions = true)
final class ExitsCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "Print the cells as JSON.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        ExitTable table = ExitTable.measure();
        if (json) {
            ExitsJson.write(out, table);
        } else {
            out.print(table.text());
        }
        out.flush();
        return 0;
    }
}
