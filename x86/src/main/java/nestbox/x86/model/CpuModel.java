package nestbox.x86.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * An immutable CPU model: identity, features, caches and model-specific registers of one kind of processor. A feature that
 * the model declares and the silicon does not do ({@link Implemented}) is hidden. {@link #parse} reads QEMU's grammar;
 * {@link #toBuilder} changes a model, and {@link Builder#build} refuses what the manual forbids with all reasons at once.
 */
public final class CpuModel implements CpuFeatures {
    /** The width of linear addresses with 4-level paging. */
    private static final int LINEAR_BITS = 48;

    private static final int LINEAR_BITS_LA57 = 57;

    private final Builder source;
    private final Set<Feature> shown;
    /** As {@link #shown}, by ordinal. */
    private final boolean[] has = new boolean[Feature.values().length];

    private final Set<Feature> hidden;
    private final CpuidTable table;

    private CpuModel(Builder source) {
        this.source = source;
        this.shown = source.shown();
        shown.forEach(feature -> has[feature.ordinal()] = true);
        Set<Feature> missing = EnumSet.noneOf(Feature.class);
        missing.addAll(source.features);
        missing.removeAll(shown);
        this.hidden = Collections.unmodifiableSet(missing);
        this.table = new CpuidTable(this, source.leaves);
    }

    /**
     * The model of a specification in QEMU's grammar, {@code MODEL,+feature,-feature,feature=on|off,key=value}.
     *
     * @throws CpuModelException with every reason why it cannot be
     */
    public static CpuModel parse(String specification) {
        return new CpuModelSpec(specification).model();
    }

    public Builder toBuilder() {
        return new Builder(source);
    }

    @Override
    public boolean has(Feature feature) {
        return has[feature.ordinal()];
    }

    @Override
    public Vendor vendor() {
        return source.vendor;
    }

    @Override
    public int physicalBits() {
        return source.physicalBits;
    }

    @Override
    public int linearBits() {
        return has(Feature.LA57) ? LINEAR_BITS_LA57 : LINEAR_BITS;
    }

    /**
     * {@inheritDoc}
     *
     * <p>The array is shared: callers must not write to it. Left to the processor: leaf 1 EBX[31:24] (APIC id), ECX.OSXSAVE,
     * EDX.APIC (and that of 80000001h) while the APIC is disabled; leaf 7 ECX.OSPKE; leaf Bh EDX (x2APIC id); leaf Dh EBX
     * (sizes by XCR0 and IA32_XSS, see {@link XsaveComponent}); leaf 8000001Eh EAX and EBX (APIC id, core id).
     */
    @Override
    public int[] cpuid(int leaf, int subleaf) {
        return table.get(leaf, subleaf);
    }

    @Override
    public long msr(int index, long otherwise) {
        return source.msrs.getOrDefault(index, otherwise);
    }

    /** Whether the model file or the user gives that register a value. */
    public boolean hasMsr(int index) {
        return source.msrs.containsKey(index);
    }

    public String name() {
        return source.name;
    }

    public int family() {
        return source.family;
    }

    public int model() {
        return source.model;
    }

    public int stepping() {
        return source.stepping;
    }

    /** The processor brand string, at most 48 characters. */
    public String brand() {
        return source.brand;
    }

    /** How many logical processors the package has, one thread a core. */
    public int processors() {
        return source.processors;
    }

    /** The features that software sees. */
    public Set<Feature> features() {
        return shown;
    }

    /** The features that the model declares, be they done or hidden. */
    Set<Feature> declaredFeatures() {
        return Collections.unmodifiableSet(source.features);
    }

    /** The answers that the data file gives, by {@link CpuidTable#key}. */
    Map<Long, int[]> leaves() {
        return Collections.unmodifiableMap(source.leaves);
    }

    /** The model-specific registers that the model or the user gives a value, by index. */
    public Map<Integer, Long> msrs() {
        return Collections.unmodifiableMap(source.msrs);
    }

    /** The features that the model declares and the silicon does not do yet. */
    public Set<Feature> hiddenFeatures() {
        return hidden;
    }

    @Override
    public String modelName() {
        return source.name;
    }

    /** What a model has of VMX itself is a table of the VMX room; here is what the user switched. */
    @Override
    public Map<String, Boolean> vmxSwitches() {
        return Collections.unmodifiableMap(source.vmx);
    }

    @Override
    public Set<String> vmxCapabilities() {
        return Collections.unmodifiableSet(source.vmxCapabilities);
    }

    @Override
    public Map<Integer, Long> vmxMsrs() {
        return Collections.unmodifiableMap(source.vmxMsrs);
    }

    int level() {
        return source.level;
    }

    int extendedLevel() {
        return source.extendedLevel;
    }

    boolean levelIsFixed() {
        return source.levelFixed;
    }

    @Override
    public String toString() {
        return name() + " (" + vendor().cpuidName() + ")";
    }

    /** Builds a {@link CpuModel}; every setter returns the builder. */
    public static final class Builder {
        private String name = "custom";
        private Vendor vendor = Vendor.INTEL;
        private int family = 6;
        private int model;
        private int stepping;
        private String brand = "";
        private int physicalBits = 40;
        private int processors = 1;
        private int level;
        private int extendedLevel = 0x80000008;
        private boolean levelFixed;
        private boolean unchecked;
        private final Set<Feature> features = EnumSet.noneOf(Feature.class);
        private final Map<String, Boolean> vmx = new TreeMap<>();
        private final Map<Long, int[]> leaves = new TreeMap<>();
        private final Map<Integer, Long> msrs = new TreeMap<>();
        private final Set<String> vmxCapabilities = new LinkedHashSet<>();
        private final Map<Integer, Long> vmxMsrs = new TreeMap<>();

        /** Starts with no feature at all. */
        public Builder() {}

        private Builder(Builder other) {
            name = other.name;
            vendor = other.vendor;
            family = other.family;
            model = other.model;
            stepping = other.stepping;
            brand = other.brand;
            physicalBits = other.physicalBits;
            processors = other.processors;
            level = other.level;
            extendedLevel = other.extendedLevel;
            levelFixed = other.levelFixed;
            unchecked = other.unchecked;
            features.addAll(other.features);
            vmx.putAll(other.vmx);
            leaves.putAll(other.leaves);
            msrs.putAll(other.msrs);
            vmxCapabilities.addAll(other.vmxCapabilities);
            vmxMsrs.putAll(other.vmxMsrs);
        }

        public Builder name(String value) {
            name = value;
            return this;
        }

        String name() {
            return name;
        }

        /** Whether both are of the same vendor, family and model number. */
        boolean sameModelAs(Builder other) {
            return vendor == other.vendor && family == other.family && model == other.model;
        }

        public Builder vendor(Vendor value) {
            vendor = value;
            return this;
        }

        public Vendor vendor() {
            return vendor;
        }

        /** Family as displayed: extended family added in. */
        public Builder family(int value) {
            family = value;
            return this;
        }

        /** Model as displayed: extended model included. */
        public Builder model(int value) {
            model = value;
            return this;
        }

        public Builder stepping(int value) {
            stepping = value;
            return this;
        }

        public Builder brand(String value) {
            brand = value;
            return this;
        }

        /** MAXPHYADDR, 32 to 52. */
        public Builder physicalBits(int value) {
            physicalBits = value;
            return this;
        }

        /** Logical processors of the package, one thread a core: decides the topology leaves. */
        public Builder processors(int value) {
            processors = value;
            return this;
        }

        /** The highest basic CPUID leaf at least; the leaves of features raise it. */
        public Builder level(int value) {
            level = value;
            return this;
        }

        /** The highest extended CPUID leaf at least; the leaves of features raise it. */
        public Builder extendedLevel(int value) {
            extendedLevel = value;
            return this;
        }

        /** The levels are exact: no feature raises them. */
        public Builder fixedLevel() {
            levelFixed = true;
            return this;
        }

        public Builder feature(Feature feature, boolean on) {
            if (on) {
                features.add(feature);
            } else {
                features.remove(feature);
            }
            return this;
        }

        /** Whether the model declares the feature, be it done or hidden. */
        public boolean declares(Feature feature) {
            return features.contains(feature);
        }

        /** Switches a VMX capability, in QEMU's name for it, against what the model has. */
        public Builder vmxSwitch(String capability, boolean on) {
            vmx.put(capability, on);
            return this;
        }

        /** The answer to one CPUID leaf as EAX, EBX, ECX, EDX for one processor in the package. */
        public Builder cpuid(int leaf, int subleaf, int... registers) {
            if (registers.length != 4) {
                throw new IllegalArgumentException("four registers, not " + registers.length);
            }
            leaves.put(CpuidTable.key(leaf, subleaf), registers.clone());
            return this;
        }

        /** Reset or constant value of a model-specific register. */
        public Builder msr(int index, long value) {
            msrs.put(index, value);
            return this;
        }

        /** Whether the model has a VMX capability, in QEMU's name for it. */
        public Builder vmxCapability(String capability, boolean has) {
            if (has) {
                vmxCapabilities.add(capability);
            } else {
                vmxCapabilities.remove(capability);
            }
            return this;
        }

        /** The VMX capabilities so far, by QEMU's names. */
        public Set<String> vmxCapabilities() {
            return Collections.unmodifiableSet(vmxCapabilities);
        }

        /** What a VMX capability register of the real processor says; they replace the names. */
        public Builder vmxMsr(int index, long value) {
            vmxMsrs.put(index, value);
            vmxCapabilities.clear();
            return this;
        }

        /** Build it even if the manual forbids it. */
        public Builder unchecked(boolean value) {
            unchecked = value;
            return this;
        }

        /** The features that software will see. */
        Set<Feature> shown() {
            Set<Feature> result = EnumSet.noneOf(Feature.class);
            result.addAll(features);
            result.retainAll(Implemented.features());
            if (processors > 1) {
                result.add(Feature.HT);
                if (vendor == Vendor.AMD) {
                    result.add(Feature.CMP_LEGACY);
                }
            }
            return Collections.unmodifiableSet(result);
        }

        /** Every reason why the manual forbids this processor; empty for a possible one. */
        public List<String> contradictions() {
            List<String> reasons = new ArrayList<>();
            Set<Feature> shown = shown();
            for (FeatureRule rule : FeatureRule.all()) {
                if (shown.contains(rule.feature()) && !shown.contains(rule.needs())) {
                    reasons.add(rule.reason());
                }
            }
            if (physicalBits < 32 || physicalBits > 52) {
                reasons.add("phys-bits=" + physicalBits
                        + " is outside 32 to 52 (SDM Vol. 3, \"Enumeration of Paging Features by CPUID\")");
            }
            if (vendor == Vendor.AMD && shown.contains(Feature.VMX)) {
                reasons.add("vmx is Intel's, not AMD's (APM Vol. 3, \"CPUID Specification\")");
            }
            if (vendor == Vendor.INTEL && shown.contains(Feature.SVM)) {
                reasons.add("svm is AMD's, not Intel's (SDM Vol. 2A, \"CPUID - CPU Identification\")");
            }
            if (family < 0 || family > 15 + 255 || model < 0 || model > 255 || stepping < 0 || stepping > 15) {
                reasons.add("family " + family + ", model " + model + ", stepping " + stepping
                        + " do not fit CPUID (SDM Vol. 2A, \"CPUID - CPU Identification\")");
            }
            if (brand.length() > 48) {
                reasons.add("model-id is longer than 48 characters (SDM Vol. 2A, \"CPUID - CPU Identification\")");
            }
            return reasons;
        }

        /** @throws CpuModelException with all reasons, unless {@link #unchecked} */
        public CpuModel build() {
            List<String> reasons = unchecked ? List.of() : contradictions();
            if (!reasons.isEmpty()) {
                throw new CpuModelException(name, reasons);
            }
            return new CpuModel(new Builder(this));
        }
    }
}
