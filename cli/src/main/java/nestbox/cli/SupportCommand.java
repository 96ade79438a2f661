package nestbox.cli;

import java.io.PrintWriter;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import nestbox.machine.bus.AbsentPorts;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.l0.NestedVmxProvider;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code nestbox support}: what is not done, from the tables that hide it; {@code docs/support.md} is its output. */
@Command(
        name = "support",
        description = "Prints what Nestbox does not implement and so hides, as Markdown.",
        mixinStandardHelpOptions = true)
final class SupportCommand implements Callable<Integer> {
    private static final String INTRODUCTION = """
            # What is not done

            Made by `nestbox support`; a test compares. Nothing here is there and wrong: CPUID and the capability MSRs do not
            show it, and what needs it is #UD, #GP, reserved, or ends the run by name (exit code 70).
            `docs/cpu-models.md` has the same model by model, the README what is permitted to be simple.
            """;

    private static final String INTEL = "max,+vmx";
    private static final String AMD = "max,+svm";

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        out.print(text());
        out.flush();
        return 0;
    }

    static String text() {
        StringBuilder out = new StringBuilder(INTRODUCTION);
        out.append("\n## Hidden by the silicon\n\n");
        row(out, "CPU features that a model has and Nestbox hides", names(hidden()));
        CpuModel most = CpuModel.parse(INTEL);
        Set<VmxFeature> vmx = EnumSet.allOf(VmxFeature.class);
        vmx.removeAll(VmxModels.features(most));
        row(out, "VMX capabilities that `" + INTEL + "` lacks", titles(vmx));
        out.append("\n## Withheld from guests by L0\n\n");
        withheld(out, INTEL, L0Mode.TDP);
        withheld(out, INTEL, L0Mode.SHADOW);
        withheld(out, AMD, L0Mode.TDP);
        withheld(out, AMD, L0Mode.SHADOW);
        ports(out);
        return out.toString();
    }

    private static void ports(StringBuilder out) {
        out.append("\n## Ports without a device, on purpose\n\n");
        out.append(
                "They read as ones and ignore writes, as on a PC without the part. The keyboard controller (60h, 64h) answers\n");
        out.append("commands, resets and gates A20, but has no keyboard.\n\n");
        for (AbsentPorts row : AbsentPorts.values()) {
            out.append("- ").append("%Xh".formatted(row.first()));
            out.append(row.last() == row.first() ? "" : " to %Xh".formatted(row.last()));
            out.append(": ")
                    .append(row.part())
                    .append("; ")
                    .append(row.reason())
                    .append('\n');
        }
    }

    /** Over all models and their versions. */
    private static Set<Feature> hidden() {
        Set<Feature> hidden = EnumSet.noneOf(Feature.class);
        for (String name : CpuModels.names()) {
            hidden.addAll(CpuModel.parse(name).hiddenFeatures());
        }
        return hidden;
    }

    /** What a guest of L0 lacks of a processor of the same model. */
    private static void withheld(StringBuilder out, String cpu, L0Mode l0) {
        NestboxConfiguration lab = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .guestCpu(cpu)
                .l0(l0)
                .build();
        CpuFeatures seen = lab.machine().cpu();
        CpuModel silicon = CpuModel.parse(cpu);
        Set<Feature> lacking = silicon.features().stream()
                .filter(feature -> !seen.has(feature))
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Feature.class)));
        String mode = "`" + cpu + "`, `--l0 " + l0.text() + "`: ";
        row(out, mode + "CPU features", names(lacking));
        if (cpu.equals(INTEL)) {
            Set<VmxFeature> vmx = EnumSet.noneOf(VmxFeature.class);
            vmx.addAll(VmxModels.features(silicon));
            vmx.removeAll(
                    NestedVmxProvider.offer(seen, silicon, lab.hypervisor().tdp()));
            row(out, mode + "VMX capabilities", titles(vmx));
        }
    }

    private static Stream<String> names(Collection<Feature> features) {
        return features.stream().map(Feature::qemuName);
    }

    private static Stream<String> titles(Collection<VmxFeature> features) {
        return features.stream().map(VmxFeature::qemuName);
    }

    private static void row(StringBuilder out, String title, Stream<String> names) {
        List<String> sorted = List.copyOf(names.collect(Collectors.toCollection(TreeSet::new)));
        out.append("- ").append(title).append(" (").append(sorted.size()).append("):\n");
        StringBuilder line = new StringBuilder(" ");
        for (String name : sorted) {
            if (line.length() + name.length() > 110) {
                out.append(line).append('\n');
                line.setLength(1);
            }
            line.append(' ').append(name).append(name.equals(sorted.get(sorted.size() - 1)) ? "" : ",");
        }
        out.append(sorted.isEmpty() ? "  none" : line).append('\n');
    }
}
