package nestbox.svm.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;

/** What L0 does not offer L1 of SVM, whatever its CPU model says: leaf 8000000Ah hides it. */
public final class SvmOffer {
    private static final Set<Feature> WITHHELD = EnumSet.of(
            Feature.SVM_LOCK,
            Feature.DECODEASSISTS,
            Feature.AVIC,
            Feature.GMET,
            Feature.V_SPEC_CTRL,
            Feature.X2AVIC,
            Feature.TLBICTL);

    /** What stands on L0's own use of nested paging. */
    private static final Set<Feature> WITH_TDP = EnumSet.of(Feature.NPT, Feature.V_VMSAVE_VMLOAD);

    private SvmOffer() {}

    /**
     * The model as L0 shows it.
     *
     * @param tdp L0 uses nested paging itself: else it has none for L1, nor what needs it
     */
    public static CpuModel limit(CpuModel model, boolean tdp) {
        if (!model.has(Feature.SVM)) {
            return model;
        }
        CpuModel.Builder builder = model.toBuilder();
        for (Feature feature : WITHHELD) {
            builder.feature(feature, false);
        }
        if (!tdp) {
            WITH_TDP.forEach(feature -> builder.feature(feature, false));
        }
        return builder.build();
    }
}
