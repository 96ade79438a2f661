package nestbox.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;

/** What L0 shows its guests of a CPU model: not what it does not switch at entries and exits, as KVM masks CPUID. */
public final class GuestOffer {
    /** Registers that no entry loads, and controls that L0 does not set. */
    private static final Set<Feature> NEVER = EnumSet.of(Feature.PKS, Feature.SHSTK, Feature.IBT, Feature.WAITPKG);
    /** What shadow tables cannot express, or have no format for. */
    private static final Set<Feature> WITH_TDP = EnumSet.of(Feature.PKU, Feature.LAM, Feature.LA57);

    private GuestOffer() {}

    /** The model without what L0 cannot give. */
    public static CpuModel limit(CpuModel model, boolean tdp) {
        CpuModel.Builder builder = model.toBuilder();
        boolean changed = false;
        for (Feature feature : Feature.values()) {
            if (model.has(feature) && (NEVER.contains(feature) || !tdp && WITH_TDP.contains(feature))) {
                builder.feature(feature, false);
                changed = true;
            }
        }
        return changed ? builder.build() : model;
    }
}
