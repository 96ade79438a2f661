package nestbox.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;
import nestbox.svm.check.VmcbChecker;
import nestbox.vmx.check.VmcsChecker;
import nestbox.x86.check.CheckResult;
import nestbox.x86.check.CheckSequence;
import nestbox.x86.check.StateChecker;
import nestbox.x86.check.StateDocument;
import nestbox.x86.model.CpuModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nestbox check}: what a processor would say of a VMCS or VMCB. */
@Command(
        name = "check",
        description = "Checks a VMCS or VMCB as a VM entry or VMRUN would, and lists every check that fails.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:every check passes", "2:bad option, CPU model or file", "4:a check fails"})
final class CheckCommand implements Callable<Integer> {
    private static final List<StateChecker> CHECKERS = List.of(new VmcsChecker(), new VmcbChecker());

    @Parameters(
            index = "0",
            paramLabel = "FILE",
            description =
                    "YAML: the parts 'fields' (name or encoding: value), 'state' and 'memory' (address: 64-bit value).")
    private Path file;

    @Option(
            names = "--cpu",
            paramLabel = "MODEL[,+feature...]",
            description = "The processor; Intel's check a VMCS, AMD's a VMCB. Default: ${DEFAULT-VALUE}.",
            defaultValue = "max")
    private String cpu;

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            description =
                    "Order of checks where the manual allows any: manual, reversed, shuffled:SEED. Default: manual.",
            defaultValue = "manual")
    private String order;

    @Option(names = "--json", description = "Prints JSON.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        CpuModel model = CpuModel.parse(cpu);
        CheckSequence sequence = CheckSequence.parse("--order", order);
        StateChecker checker = CHECKERS.stream()
                .filter(candidate -> candidate.serves(model))
                .findFirst()
                .orElseThrow(() -> new NestboxException("--cpu", "'" + cpu + "' has no virtualization to check for"));
        StateDocument document = DocumentFile.read(file);
        CheckResult result = checker.check(document, model, sequence);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            try {
                CheckJson.write(out, checker.structure(), model.toString(), result);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        } else {
            print(out, result);
        }
        out.flush();
        return result.passed() ? ExitCode.POWER_OFF.code : ExitCode.CHECK_FAILED.code;
    }

    private void print(PrintWriter out, CheckResult result) {
        if (result.passed()) {
            out.printf("%s: all %d checks pass: %s%n", file, result.checks(), result.outcome());
            return;
        }
        out.printf("%s: %d of %d checks fail: %s%n", file, result.failures().size(), result.checks(), result.outcome());
        for (CheckResult.Failed failed : result.failures()) {
            out.printf("%s %s: %s%n", failed.id().equals(result.seen()) ? "*" : " ", failed.id(), failed.rule());
            out.printf("    %s%s%n", failed.section(), failed.verified() ? "" : " (unverified)");
            out.printf("    %s; %s%n", failed.outcome(), fields(failed));
        }
    }

    private static String fields(CheckResult.Failed failed) {
        return failed.fields().entrySet().stream()
                .map(entry -> String.format(Locale.ROOT, "%s = 0x%x", entry.getKey(), entry.getValue()))
                .collect(Collectors.joining(", "));
    }
}
