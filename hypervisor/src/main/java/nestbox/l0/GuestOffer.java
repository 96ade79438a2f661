package nestbox.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;

/**
 * What L0 shows its guests of a CPU model, as KVM masks CPUID: not what the silicon lacks, nor what L0 does not switch at entries and
 * exits; and KVM's own leaves (Linux documentation, "KVM CPUID bits").
 */
public final class GuestOffer {
    private static final int SIGNATURE_LEAF = 0x40000000;
    private static final int FEATURES_LEAF = 0x40000001;
    private static final int KVMK = 0x4b4d564b;
    private static final int VMKV = 0x564b4d56;
    private static final int M = 0x4d;
    /** A delay by port I/O is not needed; the hypercalls to send interrupts and to yield. */
    private static final int FEATURES = 1 << 1 | 1 << 11 | 1 << 13;

    /** Registers that no entry loads, and controls that L0 does not set. */
    private static final Set<Feature> NEVER = EnumSet.of(Feature.PKS, Feature.SHSTK, Feature.IBT, Feature.WAITPKG);
    /** What shadow tables cannot express. */
    private static final Set<Feature> WITH_TDP = EnumSet.of(Feature.PKU);
    /** What L0 and its devices give without the silicon's help. */
    private static final Set<Feature> EMULATED = EnumSet.of(
            Feature.X2APIC, Feature.TSC_DEADLINE, Feature.TSC_ADJUST, Feature.HYPERVISOR, Feature.VMX, Feature.SVM);

    private GuestOffer() {}

    /**
     * The model without what L0 cannot give.
     *
     * @param silicon what L0 runs on
     * @param tdp L0 uses EPT or nested paging
     */
    public static CpuModel limit(CpuModel model, CpuFeatures silicon, boolean tdp) {
        CpuModel.Builder builder = model.toBuilder();
        for (Feature feature : Feature.values()) {
            boolean missing = !silicon.has(feature) && !EMULATED.contains(feature);
            if (missing || NEVER.contains(feature) || !tdp && WITH_TDP.contains(feature)) {
                builder.feature(feature, false);
            }
        }
        return builder.feature(Feature.HYPERVISOR, true)
                .cpuid(SIGNATURE_LEAF, 0, FEATURES_LEAF, KVMK, VMKV, M)
                .cpuid(FEATURES_LEAF, 0, FEATURES, 0, 0, 0)
                .build();
    }
}
