package nestbox.x86.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A register of a CPUID leaf that is made of feature bits. */
record FeatureWord(int leaf, int subleaf, Feature.Register register) {
    /** Leaf 1 ECX: OSXSAVE; leaf 7 ECX: OSPKE; both show a control bit. */
    private static final int OSXSAVE = 1 << 27;

    private static final int OSPKE = 1 << 4;
    /** Bits of leaf 1 EDX that AMD repeats in leaf 80000001h EDX. */
    static final int AMD_REPEATED = 0x0183f3ff;
    /** Leaf 7 ECX: a number about bound tables. */
    private static final int MAWAU = 0x1f << 17;

    static FeatureWord of(Feature feature) {
        return new FeatureWord(feature.leaf(), feature.subleaf(), feature.register());
    }

    /** Every word that has a feature. */
    static List<FeatureWord> all() {
        Map<String, FeatureWord> words = new LinkedHashMap<>();
        for (Feature feature : Feature.values()) {
            FeatureWord word = of(feature);
            words.put(word.key(), word);
        }
        return List.copyOf(words.values());
    }

    /** Whether a leaf has a word of features. */
    static boolean covers(int leaf, int subleaf) {
        return all().stream().anyMatch(word -> word.leaf == leaf && word.subleaf == subleaf);
    }

    /** Bits that are no features: they show control bits or repeat others. */
    int dynamic(Vendor vendor) {
        if (leaf == 1 && register == Feature.Register.ECX) {
            return OSXSAVE;
        }
        if (leaf == 7 && subleaf == 0 && register == Feature.Register.ECX) {
            return OSPKE | MAWAU;
        }
        return leaf == 0x80000001 && register == Feature.Register.EDX && vendor == Vendor.AMD ? AMD_REPEATED : 0;
    }

    String key() {
        return toString();
    }

    @Override
    public String toString() {
        return String.format("leaf %08x.%x %s", leaf, subleaf, register);
    }
}
