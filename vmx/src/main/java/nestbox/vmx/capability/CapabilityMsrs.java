package nestbox.vmx.capability;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * Reads the capability registers of a real processor as features (SDM Vol. 3, Appendix "VMX Capability Reporting Facility").
 * A register that is missing counts as zero.
 */
final class CapabilityMsrs {
    private static final long TRUE_CONTROLS = 1L << 55;

    private CapabilityMsrs() {}

    static Set<VmxFeature> features(Map<Integer, Long> msrs) {
        EnumSet<VmxFeature> features = EnumSet.noneOf(VmxFeature.class);
        for (VmxFeature feature : VmxFeature.values()) {
            if (has(feature, msrs)) {
                features.add(feature);
            }
        }
        return features;
    }

    private static boolean has(VmxFeature feature, Map<Integer, Long> msrs) {
        CapabilityWord word = feature.word();
        long value = msrs.getOrDefault(word.msr(), 0L);
        if (feature.default1()) {
            boolean reported = (msrs.getOrDefault(CapabilityWord.BASIC.msr(), 0L) & TRUE_CONTROLS) != 0;
            return reported && (msrs.getOrDefault(word.trueMsr(), -1L) & feature.mask()) == 0;
        }
        boolean allowedOne = word.trueMsr() >= 0 || word == CapabilityWord.SECONDARY;
        return ((allowedOne ? value >>> 32 : value) & feature.mask()) != 0;
    }
}
