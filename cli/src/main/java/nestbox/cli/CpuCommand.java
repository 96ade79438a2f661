package nestbox.cli;

import java.io.PrintWriter;
import java.util.Set;
import java.util.stream.Collectors;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nestbox cpu}: what models there are and what they show. */
@Command(name = "cpu", description = "Lists and shows CPU models.", mixinStandardHelpOptions = true)
final class CpuCommand implements Runnable {
    private static final int[] BASIC_SUBLEAVES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** {@code nestbox cpu list}. */
    @Command(name = "list", description = "Lists the models.", mixinStandardHelpOptions = true)
    int list() {
        PrintWriter out = spec.commandLine().getOut();
        for (String name : CpuModels.names()) {
            out.printf("%-16s %s%n", name, CpuModels.description(name));
        }
        out.flush();
        return 0;
    }

    /** {@code nestbox cpu show}. */
    @Command(name = "show", description = "Shows a model: identity, features, CPUID.", mixinStandardHelpOptions = true)
    int show(
            @Parameters(paramLabel = "MODEL[,+feature...]", description = "A model in QEMU's grammar.")
                    String specification) {
        CpuModel model = CpuModel.parse(specification);
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%s: %s%n", model, model.brand());
        out.printf("family %d, model %d, stepping %d%n", model.family(), model.model(), model.stepping());
        out.printf("%d physical and %d linear address bits%n", model.physicalBits(), model.linearBits());
        out.printf("features: %s%n", names(model.features()));
        out.printf("hidden, because not implemented: %s%n", names(model.hiddenFeatures()));
        out.printf("%nleaf     sub      eax      ebx      ecx      edx%n");
        for (int first : new int[] {0, 0x80000000}) {
            int last = model.cpuid(first, 0)[0];
            for (int leaf = first; Integer.compareUnsigned(leaf, last) <= 0; leaf++) {
                printLeaf(out, model, leaf);
            }
        }
        out.flush();
        return 0;
    }

    private static void printLeaf(PrintWriter out, CpuModel model, int leaf) {
        for (int subleaf : BASIC_SUBLEAVES) {
            int[] registers = model.cpuid(leaf, subleaf);
            boolean repeated = subleaf > 0 && registers == model.cpuid(leaf, 0);
            boolean empty = (registers[0] | registers[1] | registers[3]) == 0;
            if (!repeated && (subleaf == 0 || !empty)) {
                out.printf(
                        "%08x %3d %08x %08x %08x %08x%n",
                        leaf, subleaf, registers[0], registers[1], registers[2], registers[3]);
            }
        }
    }

    private static String names(Set<Feature> features) {
        return features.isEmpty()
                ? "none"
                : features.stream().map(Feature::qemuName).collect(Collectors.joining(" "));
    }
}
