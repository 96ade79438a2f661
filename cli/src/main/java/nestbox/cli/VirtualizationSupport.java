package nestbox.cli;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.ExitCode;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.silicon.Hidden;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Implemented;

/** What of VMX and SVM no model shows, and how much of the facts rests on text of the manuals that could not be read. */
final class VirtualizationSupport {
    private static final int SVM_LEAF = 0x8000000a;

    private VirtualizationSupport() {}

    static String text() {
        StringBuilder out = new StringBuilder("\n## What no model shows of VMX\n\n");
        out.append(
                "No capability MSR reports it, so VM entry refuses the control, and `--cpu +NAME` is refused by name.\n\n");
        out.append("| bit | name | what |\n|---|---|---|\n");
        for (VmxFeature feature : VmxFeature.values()) {
            if (!feature.implemented() || Hidden.features().contains(feature)) {
                out.append("| %s %d | `%s` | %s |\n"
                        .formatted(feature.word().title(), feature.bit(), feature.qemuName(), feature.title()));
            }
        }
        out.append("\nSo these exits never come: ")
                .append(list(Arrays.stream(ExitReason.values())
                        .filter(reason -> !reason.implemented())
                        .map(reason -> reason.number() + " " + reason.text())))
                .append(".\n\nNot read in the manual: ")
                .append(list(Stream.concat(
                        Arrays.stream(VmcsField.values())
                                .filter(field -> !field.verified())
                                .map(field -> "the field \"" + field.title() + '"'),
                        Arrays.stream(ExitReason.values())
                                .filter(reason -> !reason.verified())
                                .map(reason -> "exit " + reason.number()))))
                .append("; and ")
                .append(EntryChecks.rows().stream()
                        .filter(row -> !row.verified())
                        .count())
                .append(" of ")
                .append(EntryChecks.rows().size())
                .append(" checks of VM entry.\n\n## What no model shows of SVM\n\n");
        out.append("CPUID Fn8000_000A does not report ")
                .append(list(Arrays.stream(Feature.values())
                        .filter(feature -> feature.leaf() == SVM_LEAF
                                && !Implemented.features().contains(feature))
                        .map(feature -> '`' + feature.qemuName() + '`')))
                .append(
                        ", SEV, bus-lock threshold, idle HLT, supervisor shadow-stack checks and read-only guest page tables;")
                .append(" SKINIT is hidden, too. These exits never come: ")
                .append(list(Arrays.stream(ExitCode.values())
                        .filter(code -> !code.implemented())
                        .map(code -> "VMEXIT_" + code)))
                .append(".\n\nNot read in the manual: ")
                .append(VmrunChecks.rows().stream()
                        .filter(row -> !row.verified())
                        .count())
                .append(" of ")
                .append(VmrunChecks.rows().size())
                .append(" checks of VMRUN.\n");
        return out.toString();
    }

    private static String list(Stream<String> items) {
        return items.collect(Collectors.joining(", "));
    }
}
