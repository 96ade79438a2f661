package nestbox.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import nestbox.vmx.capability.VmxFeature;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** {@code docs/cpu-models.md}: what every model has, lacks and hides, made from the models themselves. */
final class CpuModelTable {
    private static final String INTRODUCTION = """
            # CPU models

            Made by `nestbox cpu table`; a test compares. `nestbox cpu show MODEL` prints one model with its CPUID leaves,
            `nestbox cpu diff A B` what two differ in. A plain name is version 1, as on QEMU's machine `pc`.

            In the grids a column is the model of that number:
            `+` the model has it, `h` the model has it and Nestbox hides it because it is not implemented (or, of VMX, because
            something that it needs is hidden), `.` the model lacks it. What a model lacks is #UD, #GP or reserved there.
            """;

    private CpuModelTable() {}

    /** The whole document. */
    static String text() {
        StringBuilder out = new StringBuilder(INTRODUCTION);
        List<CpuModel> intel = models(Vendor.INTEL);
        List<CpuModel> amd = models(Vendor.AMD);
        vendor(out, "Intel", intel);
        out.append("\n### VMX capabilities\n\n");
        List<VmxFeature> vmx = List.of(VmxFeature.values());
        grid(out, intel, vmx, VmxFeature::qemuName, CpuModelTable::vmxState);
        vendor(out, "AMD", amd);
        return out.append(VirtualizationSupport.text()).toString();
    }

    private static List<CpuModel> models(Vendor vendor) {
        List<CpuModel> models = new ArrayList<>();
        for (String name : CpuModels.names()) {
            if (CpuModels.choosesVendor(name)) {
                models.add(CpuModel.parse(name + ",vendor=" + vendor.cpuidName()));
            } else if (CpuModel.parse(name).vendor() == vendor) {
                models.add(CpuModel.parse(name));
            }
        }
        return models;
    }

    private static void vendor(StringBuilder out, String name, List<CpuModel> models) {
        out.append("\n## ").append(name).append("\n\n");
        out.append("| no. | model | family, model, stepping | address bits | versions |\n|---|---|---|---|---|\n");
        for (int i = 0; i < models.size(); i++) {
            CpuModel model = models.get(i);
            out.append(String.format(
                    "| %d | %s | %d, %d, %d | %d physical, %d linear | %s |\n",
                    i + 1,
                    model.name(),
                    model.family(),
                    model.model(),
                    model.stepping(),
                    model.physicalBits(),
                    model.linearBits(),
                    versions(model.name())));
        }
        out.append("\n### Features\n\n");
        grid(out, models, List.of(Feature.values()), Feature::qemuName, CpuModelTable::state);
    }

    private static String versions(String name) {
        return CpuModels.versions(name).stream()
                .map(version -> {
                    String alias = CpuModels.alias(version);
                    String number = version.substring(version.lastIndexOf('v'));
                    return alias.isEmpty() ? number : number + " (" + alias + ")";
                })
                .collect(Collectors.joining(", "));
    }

    private static <F> void grid(
            StringBuilder out,
            List<CpuModel> models,
            List<F> features,
            Function<F, String> name,
            BiFunction<CpuModel, F, Character> state) {
        int width =
                features.stream().mapToInt(f -> name.apply(f).length()).max().orElse(0) + 1;
        out.append("```\n");
        StringBuilder tens = new StringBuilder(" ".repeat(width));
        StringBuilder ones = new StringBuilder(" ".repeat(width));
        for (int i = 1; i <= models.size(); i++) {
            tens.append(i < 10 ? " " : String.valueOf(i / 10));
            ones.append(i % 10);
        }
        out.append(tens.toString().stripTrailing()).append('\n').append(ones).append('\n');
        for (F feature : features) {
            StringBuilder row = new StringBuilder();
            models.forEach(model -> row.append(state.apply(model, feature)));
            if (row.chars().anyMatch(c -> c != '.')) {
                String label = name.apply(feature);
                out.append(label)
                        .append(" ".repeat(width - label.length()))
                        .append(row)
                        .append('\n');
            }
        }
        out.append("```\n");
    }

    private static char state(CpuModel model, Feature feature) {
        return model.has(feature) ? '+' : model.hiddenFeatures().contains(feature) ? 'h' : '.';
    }

    private static char vmxState(CpuModel model, VmxFeature feature) {
        Set<VmxFeature> shown = CpuReport.vmx(model);
        return shown.contains(feature) ? '+' : CpuReport.hiddenVmx(model).contains(feature) ? 'h' : '.';
    }
}
