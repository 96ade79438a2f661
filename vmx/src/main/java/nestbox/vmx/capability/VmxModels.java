package nestbox.vmx.capability;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.CpuModelException;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Vendor;

/** The VMX features of each CPU model, from the model's data file or from capability registers that a user's file gives. */
public final class VmxModels {
    /** A model that does not say what it has is taken for one of the oldest processors. */
    private static final String OLDEST = "Conroe";

    private VmxModels() {}

    /** Names of the models that say what VMX they have. */
    public static Set<String> names() {
        return CpuModels.names().stream()
                .filter(name -> !capabilities(name).isEmpty())
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** What the data file says of a model, hidden features included. */
    public static Set<VmxFeature> listed(String model) {
        Collection<String> names = capabilities(model);
        return features(model, names.isEmpty() ? capabilities(OLDEST) : names);
    }

    /** What the processor says of itself, hidden features included. */
    public static Set<VmxFeature> listed(CpuFeatures cpu) {
        if (!cpu.vmxMsrs().isEmpty()) {
            return CapabilityMsrs.features(cpu.vmxMsrs());
        }
        return cpu.vmxCapabilities().isEmpty()
                ? listed(cpu.modelName())
                : features(cpu.modelName(), cpu.vmxCapabilities());
    }

    private static Collection<String> capabilities(String model) {
        try {
            return CpuModels.builder(model, Vendor.INTEL).vmxCapabilities();
        } catch (CpuModelException e) {
            return List.of();
        }
    }

    private static Set<VmxFeature> features(String model, Collection<String> names) {
        EnumSet<VmxFeature> features = EnumSet.noneOf(VmxFeature.class);
        for (String name : names) {
            VmxFeature feature = VmxFeature.byName(name);
            if (feature == null) {
                throw new NestboxException(model, "unknown VMX capability '" + name + "'");
            }
            features.add(feature);
        }
        return features;
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
        wanted.addAll(listed(cpu));
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
}
