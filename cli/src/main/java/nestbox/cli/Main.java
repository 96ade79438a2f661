package nestbox.cli;

import java.io.PrintStream;
import nestbox.core.NestboxException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The {@code nestbox} command. */
@Command(
        name = "nestbox",
        description =
                "A laboratory for nested virtualization: a deterministic x86-64 PC, a hypervisor under test, and real guests.",
        subcommands = {
            RunCommand.class,
            DemoCommand.class,
            ScenarioCommand.class,
            DifferentialCommand.class,
            PolicyCommand.class,
            InjectCommand.class,
            YieldCommand.class,
            ExitsCommand.class,
            CpuCommand.class,
            CheckCommand.class,
            SupportCommand.class
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class)
public final class Main implements Runnable {
    /** The version in the manifest of the jar. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"nestbox " + (version == null ? "(development)" : version)};
        }
    }

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** Runs the command and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(execute(args, System.err));
    }

    /** Runs the command; the result is the exit code. */
    static int execute(String[] args, PrintStream err) {
        CommandLine line = new CommandLine(new Main());
        haveTheVersion(line);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        // @FILE is a CPU model from a file.
        line.setExpandAtFiles(false);
        line.setExecutionExceptionHandler((e, command, parsed) -> failure(e, err));
        line.setParameterExceptionHandler((e, arguments) -> {
            err.println("nestbox: " + e.getMessage());
            err.println("Try '" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help'.");
            return ExitCode.BAD_INPUT.code;
        });
        return line.execute(args);
    }

    private static void haveTheVersion(CommandLine line) {
        for (CommandLine each : line.getSubcommands().values()) {
            each.getCommandSpec().versionProvider(new Version());
            haveTheVersion(each);
        }
    }

    /** Reports what ended a command: bad input in one line, an error of ours with what is needed to find it. */
    static int failure(Exception e, PrintStream err) {
        if (e instanceof NestboxException) {
            err.println("nestbox: " + e.getMessage());
            return ExitCode.BAD_INPUT.code;
        }
        StackTraceElement[] stack = e.getStackTrace();
        err.println("nestbox: internal error: " + e + (stack.length == 0 ? "" : " at " + stack[0]));
        return ExitCode.INTERNAL.code;
    }
}
