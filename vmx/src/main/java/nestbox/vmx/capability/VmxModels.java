package nestbox.vmx.capability;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;
import nestbox.x86.model.CpuFeatures;

/** The VMX features of each CPU model, from the resource {@code models.txt}. */
public final class VmxModels {
    private static final String RESOURCE = "models.txt";
    /** A model that the table lacks has what the oldest processors had. */
    private static final String OLDEST = "Conroe";

    private static final Map<String, Set<VmxFeature>> MODELS = read();

    private VmxModels() {}

    /** Names of the models in the table, oldest first. */
    public static Set<String> names() {
        return MODELS.keySet();
    }

    /**
     * What the table says of a model, hidden features included. Versions and variants ({@code Skylake-Server-v4},
     * {@code Haswell-noTSX}) count as their model.
     */
    public static Set<VmxFeature> listed(String model) {
        String best = OLDEST;
        for (String name : MODELS.keySet()) {
            boolean matches = model.equals(name) || model.startsWith(name + "-");
            if (matches && (best.equals(OLDEST) || name.length() > best.length())) {
                best = name;
            }
        }
        return MODELS.get(best);
    }

    /**
     * The features that a processor reports: the model's, with the user's switches, less what Nestbox does not implement and
     * what lacks something that it needs.
     *
     * @throws NestboxException if a switch names no VMX feature, or asks for one that is not implemented
     */
    public static EnumSet<VmxFeature> features(CpuFeatures cpu) {
        return features(cpu, EnumSet.noneOf(VmxFeature.class));
    }

    /**
     * As {@link #features(CpuFeatures)}, less what a user of the model does not do.
     *
     * @throws NestboxException if a switch asks for a feature among {@code hidden}, too
     */
    public static EnumSet<VmxFeature> features(CpuFeatures cpu, Set<VmxFeature> hidden) {
        EnumSet<VmxFeature> wanted = EnumSet.noneOf(VmxFeature.class);
        wanted.addAll(listed(cpu.modelName()));
        List<String> refused = new ArrayList<>();
        for (Map.Entry<String, Boolean> entry : cpu.vmxSwitches().entrySet()) {
            VmxFeature feature = VmxFeature.byName(entry.getKey());
            if (feature == null) {
                refused.add(entry.getKey() + " is unknown");
            } else if (!entry.getValue()) {
                wanted.remove(feature);
            } else if (feature.implemented() && !hidden.contains(feature)) {
                wanted.add(feature);
            } else {
                refused.add(entry.getKey() + " is not implemented");
            }
        }
        if (!refused.isEmpty()) {
            throw new NestboxException("--cpu", "VMX features: " + String.join(", ", refused));
        }
        wanted.removeAll(hidden);
        return Dependencies.resolve(wanted, cpu);
    }

    private static Map<String, Set<VmxFeature>> read() {
        String text;
        try (InputStream in = VmxModels.class.getResourceAsStream(RESOURCE)) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String joined = text.lines()
                .filter(line -> !line.startsWith("#"))
                .map(line -> line.startsWith(" ") ? line : "\n" + line)
                .collect(Collectors.joining());
        Map<String, Set<VmxFeature>> models = new LinkedHashMap<>();
        joined.lines().filter(line -> !line.isBlank()).forEach(line -> parse(line, models));
        return Collections.unmodifiableMap(models);
    }

    private static void parse(String line, Map<String, Set<VmxFeature>> models) {
        String[] sides = line.split("=", 2);
        EnumSet<VmxFeature> features = EnumSet.noneOf(VmxFeature.class);
        for (String word : sides[1].trim().split("\\s+")) {
            if (word.startsWith("+")) {
                features.add(named(word));
            } else if (word.startsWith("-")) {
                features.remove(named(word));
            } else {
                features.addAll(models.get(word));
            }
        }
        models.put(sides[0].trim(), Collections.unmodifiableSet(features));
    }

    private static VmxFeature named(String word) {
        VmxFeature feature = VmxFeature.byName(word.substring(1));
        if (feature == null) {
            throw new NestboxException(RESOURCE, "unknown feature " + word);
        }
        return feature;
    }
}
