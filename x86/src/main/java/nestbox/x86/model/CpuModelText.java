package nestbox.x86.model;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/** Writes a model as the data file that {@link CpuModelFile} reads. */
public final class CpuModelText {
    private static final int WIDTH = 120;

    private CpuModelText() {}

    /** The lines of the model's data file, with what it hides. */
    public static List<String> lines(CpuModel model) {
        List<String> lines = new ArrayList<>();
        lines.add("name: " + model.name());
        lines.add("vendor: " + model.vendor().cpuidName());
        lines.add("family: " + model.family());
        lines.add("model: " + model.model());
        lines.add("stepping: " + model.stepping());
        lines.add("brand: " + model.brand());
        lines.add("physical-bits: " + model.physicalBits());
        lines.add("level: " + hex(model.level()));
        lines.add("xlevel: " + hex(model.extendedLevel()));
        lines.addAll(list(
                "features:",
                model.declaredFeatures().stream().map(Feature::qemuName).collect(Collectors.toList())));
        lines.addAll(list("vmx:", model.vmxCapabilities()));
        model.leaves()
                .forEach((key, r) -> lines.add(String.format(
                        "cpuid 0x%x %d: 0x%x 0x%x 0x%x 0x%x",
                        (int) (key >> 32), key.intValue(), r[0], r[1], r[2], r[3])));
        model.msrs().forEach((index, value) -> lines.add(String.format("msr 0x%x: 0x%x", index, value)));
        model.vmxMsrs().forEach((index, value) -> lines.add(String.format("vmx-msr 0x%x: 0x%x", index, value)));
        return lines;
    }

    private static String hex(int value) {
        return "0x" + Integer.toHexString(value);
    }

    private static List<String> list(String key, Collection<String> words) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder(key);
        for (String word : words) {
            if (line.length() + 1 + word.length() > WIDTH) {
                lines.add(line.toString());
                line = new StringBuilder(key);
            }
            line.append(' ').append(word);
        }
        if (!words.isEmpty()) {
            lines.add(line.toString());
        }
        return lines;
    }
}
