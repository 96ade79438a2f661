package nestbox.modules;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;

/** What a guest's CPU model asks for and L0 does not show, in the words of QEMU's warning. */
public final class MissingFeatures {
    /** A model that asks for what there is. */
    private static final String WHATEVER = "max";

    private MissingFeatures() {}

    /**
     * A line for each feature of {@code guestCpu} that its guest does not find; nothing where no model was named. Of {@code max} those
     * count that are asked for by name.
     */
    public static List<String> of(NestboxConfiguration configuration) {
        List<String> lines = new ArrayList<>();
        if (configuration.guestCpu().isEmpty()) {
            return lines;
        }
        CpuModel asked = CpuModel.parse(configuration.guestCpu());
        CpuFeatures shown = configuration.machine().cpu();
        Set<String> named = named(configuration.guestCpu());
        boolean whatever = configuration.guestCpu().split(",")[0].equals(WHATEVER);
        for (Feature feature : Feature.values()) {
            boolean counts = !whatever || named.contains(feature.qemuName());
            if (counts && asked.has(feature) && !shown.has(feature)) {
                lines.add(String.format(
                        Locale.ROOT,
                        "host doesn't support requested feature: CPUID.%02XH:%s.%s [bit %d]",
                        feature.leaf(),
                        feature.register(),
                        feature.qemuName(),
                        feature.bit()));
            }
        }
        return lines;
    }

    private static Set<String> named(String model) {
        Set<String> names = new TreeSet<>();
        for (String word : model.split(",")) {
            Feature feature = Feature.byName(word.replaceAll("^\\+|=on$", ""));
            if (feature != null) {
                names.add(feature.qemuName());
            }
        }
        return names;
    }
}
