package nestbox.vmx.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.l0.HostProcessor;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;

/** Control words that the processor's capability MSRs allow (SDM Vol. 3, "Algorithms for Determining VMX Capabilities"). */
final class VmxControls {
    private static final int BASIC = 0x480;
    private static final long TRUE_CONTROLS = 1L << 55;

    private final HostProcessor host;
    private final boolean trueControls;

    VmxControls(HostProcessor host) {
        this.host = host;
        trueControls = (host.rdmsr(BASIC) & TRUE_CONTROLS) != 0;
    }

    private long msr(CapabilityWord word) {
        int index = trueControls && word.trueMsr() > 0 ? word.trueMsr() : word.msr();
        return host.rdmsr(index);
    }

    boolean allows(VmxFeature feature) {
        if (feature.word() == CapabilityWord.SECONDARY && !allows(VmxFeature.SECONDARY_CONTROLS)) {
            return false;
        }
        return switch (feature.word()) {
            case BASIC, MISC, EPT_VPID, VMFUNC, TERTIARY, EXIT2 -> (msr(feature.word()) & feature.mask()) != 0;
            default -> (msr(feature.word()) >>> 32 & feature.mask()) != 0;
        };
    }

    /** Everything that the processor allows. */
    Set<VmxFeature> features() {
        Set<VmxFeature> set = EnumSet.noneOf(VmxFeature.class);
        for (VmxFeature feature : VmxFeature.values()) {
            if (has(feature.word()) && allows(feature)) {
                set.add(feature);
            }
        }
        return set;
    }

    /** Whether the processor has the capability MSR of a word. */
    private boolean has(CapabilityWord word) {
        return switch (word) {
            case SECONDARY -> allows(VmxFeature.SECONDARY_CONTROLS);
            case TERTIARY -> allows(VmxFeature.TERTIARY_CONTROLS);
            case EXIT2 -> allows(VmxFeature.SECONDARY_EXIT_CONTROLS);
            case VMFUNC -> has(CapabilityWord.SECONDARY) && allows(VmxFeature.ENABLE_VM_FUNCTIONS);
            case EPT_VPID ->
                has(CapabilityWord.SECONDARY) && (allows(VmxFeature.ENABLE_EPT) || allows(VmxFeature.ENABLE_VPID));
            default -> true;
        };
    }

    /** The bits that must be 1, those needed, and those wanted that the processor has. */
    long choose(CapabilityWord word, long needed, long wanted) {
        long capability = msr(word);
        long must = capability & 0xffffffffL;
        long may = capability >>> 32;
        if ((needed & ~may) != 0) {
            throw new NestboxException(
                    "hypervisor",
                    "the processor lacks controls of " + word + " that L0 needs: " + Long.toHexString(needed & ~may));
        }
        return must | needed | wanted & may;
    }
}
