package nestbox.cli;

import java.util.List;
import nestbox.l0.EntryFailure;
import nestbox.l0.EntryStepRow;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.vmx.l0.VmxBackendFactory;
import picocli.CommandLine.Command;

/** {@code nestbox inject}. */
@Command(
        name = "inject",
        description = "Failures of nested entries, for --inject STEP=FAILURE[@N].",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "list")
final class InjectCommand {
    @Command(
            name = "list",
            description = "Lists the steps of a nested entry, of VMX and of SVM, and how each can be made to fail.",
            mixinStandardHelpOptions = true)
    int list() {
        steps("VMLAUNCH, VMRESUME", new VmxBackendFactory().entrySteps());
        steps("VMRUN (no msr-load)", new SvmBackendFactory().entrySteps());
        System.out.println("failures");
        for (EntryFailure failure : EntryFailure.values()) {
            System.out.printf("    %-16s %s%n", failure.text(), failure.meaning());
        }
        return 0;
    }

    private static void steps(String title, List<? extends EntryStepRow> rows) {
        System.out.println("steps of " + title);
        for (EntryStepRow row : rows) {
            System.out.printf("    %-16s %s%n", row.id(), row.meaning());
        }
    }
}
