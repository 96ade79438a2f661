package nestbox.vmx.capability;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The VMX capabilities of one processor: the allowed settings of every control, and the capability MSRs that report them
 * (SDM Vol. 3, Appendix "VMX Capability Reporting Facility"). Immutable.
 */
public final class VmxCapability {
    /** Version of Nestbox's VMCS layout; bits 30:0 of a VMCS region's first word. */
    public static final int REVISION = 0x4e42_0001;

    /** Bytes of a VMCS or VMXON region. */
    public static final int REGION_SIZE = 4096;

    public static final int CR3_TARGETS = 4;

    /** Recommended maximum of entries in an MSR list. */
    public static final int MSR_LIST_MAXIMUM = 512;

    /**
     * The preemption timer counts down when this bit of the TSC changes. Processors use 5 or 7, this one 5 on every model.
     */
    public static final int PREEMPTION_TIMER_SHIFT = 5;

    public static final int MSR_BASIC = 0x480;
    public static final int MSR_CR0_FIXED0 = 0x486;
    public static final int MSR_CR0_FIXED1 = 0x487;
    public static final int MSR_CR4_FIXED0 = 0x488;
    public static final int MSR_CR4_FIXED1 = 0x489;
    public static final int MSR_VMCS_ENUM = 0x48a;
    public static final int MSR_EXIT_CTLS2 = 0x493;

    private static final long CR0_FIXED0 = 0x8000_0021L;
    private static final long CR0_FIXED1 = 0xffff_ffffL;
    private static final long CR4_FIXED0 = 0x2000;
    private static final long WRITE_BACK = 6;

    private final EnumSet<VmxFeature> features;
    /** As {@link #features}, by ordinal. */
    private final boolean[] has = new boolean[VmxFeature.values().length];

    private final long cr4Fixed1;
    private final int highestFieldIndex;
    private final Map<CapabilityWord, Long> mustBeOne = new EnumMap<>(CapabilityWord.class);
    private final Map<CapabilityWord, Long> mayBeOne = new EnumMap<>(CapabilityWord.class);

    /**
     * @param cr4Fixed1 the CR4 bits that the processor has
     * @param highestFieldIndex highest index (bits 9:1 of the encoding) of any VMCS field that exists
     */
    public VmxCapability(Set<VmxFeature> features, long cr4Fixed1, int highestFieldIndex) {
        this.features = EnumSet.noneOf(VmxFeature.class);
        this.features.addAll(features);
        features.forEach(feature -> has[feature.ordinal()] = true);
        this.cr4Fixed1 = cr4Fixed1;
        this.highestFieldIndex = highestFieldIndex;
        for (CapabilityWord word : CapabilityWord.values()) {
            long one = word.default1();
            long may = word.default1();
            for (VmxFeature feature : features) {
                if (feature.word() == word) {
                    one &= ~(feature.default1() ? feature.mask() : 0);
                    may |= feature.mask();
                }
            }
            mustBeOne.put(word, one);
            mayBeOne.put(word, may);
        }
    }

    public boolean has(VmxFeature feature) {
        return has[feature.ordinal()];
    }

    public Set<VmxFeature> features() {
        return EnumSet.copyOf(features);
    }

    /** Bits of a control word that VM entry demands to be 1. */
    public long mustBeOne(CapabilityWord word) {
        return mustBeOne.get(word);
    }

    /** Bits of a control word that VM entry lets be 1. */
    public long mayBeOne(CapabilityWord word) {
        return mayBeOne.get(word);
    }

    /** Whether {@code value} respects the allowed settings of a control word. */
    public boolean allows(CapabilityWord word, long value) {
        return (mustBeOne(word) & ~value) == 0 && (value & ~mayBeOne(word)) == 0;
    }

    public long cr0Fixed0() {
        return CR0_FIXED0;
    }

    public long cr0Fixed1() {
        return CR0_FIXED1;
    }

    public long cr4Fixed0() {
        return CR4_FIXED0;
    }

    public long cr4Fixed1() {
        return cr4Fixed1;
    }

    /** Whether the processor has this capability MSR. */
    public boolean hasMsr(int index) {
        return switch (index) {
            case 0x48b -> has(VmxFeature.SECONDARY_CONTROLS);
            case 0x48c -> has(VmxFeature.ENABLE_EPT) || has(VmxFeature.ENABLE_VPID);
            case 0x48d, 0x48e, 0x48f, 0x490 -> has(VmxFeature.TRUE_CONTROLS);
            case 0x491 -> has(VmxFeature.ENABLE_VM_FUNCTIONS);
            case 0x492 -> has(VmxFeature.TERTIARY_CONTROLS);
            case MSR_EXIT_CTLS2 -> has(VmxFeature.SECONDARY_EXIT_CONTROLS);
            default -> index >= MSR_BASIC && index < 0x48b;
        };
    }

    /** Value of a capability MSR for which {@link #hasMsr} is true. */
    public long msr(int index) {
        return switch (index) {
            case MSR_BASIC -> basic();
            case 0x481 -> defaults(CapabilityWord.PIN);
            case 0x482 -> defaults(CapabilityWord.PRIMARY);
            case 0x483 -> defaults(CapabilityWord.EXIT);
            case 0x484 -> defaults(CapabilityWord.ENTRY);
            case 0x485 -> misc();
            case MSR_CR0_FIXED0 -> CR0_FIXED0;
            case MSR_CR0_FIXED1 -> CR0_FIXED1;
            case MSR_CR4_FIXED0 -> CR4_FIXED0;
            case MSR_CR4_FIXED1 -> cr4Fixed1;
            case MSR_VMCS_ENUM -> (long) highestFieldIndex << 1;
            case 0x48b -> mayBeOne(CapabilityWord.SECONDARY) << 32;
            case 0x48c -> mayBeOne(CapabilityWord.EPT_VPID);
            case 0x48d -> trueSettings(CapabilityWord.PIN);
            case 0x48e -> trueSettings(CapabilityWord.PRIMARY);
            case 0x48f -> trueSettings(CapabilityWord.EXIT);
            case 0x490 -> trueSettings(CapabilityWord.ENTRY);
            case 0x491 -> mayBeOne(CapabilityWord.VMFUNC);
            case 0x492 -> mayBeOne(CapabilityWord.TERTIARY);
            case MSR_EXIT_CTLS2 -> mayBeOne(CapabilityWord.EXIT2);
            default -> throw new IllegalArgumentException("no capability MSR " + Integer.toHexString(index));
        };
    }

    private long basic() {
        return REVISION | (long) REGION_SIZE << 32 | WRITE_BACK << 50 | mayBeOne(CapabilityWord.BASIC);
    }

    private long misc() {
        long timer = has(VmxFeature.PREEMPTION_TIMER) ? PREEMPTION_TIMER_SHIFT : 0;
        return timer | (long) CR3_TARGETS << 16 | mayBeOne(CapabilityWord.MISC);
    }

    /** The MSR for software that does not know the true-control MSRs: the whole default1 class must be 1. */
    private long defaults(CapabilityWord word) {
        return word.default1() | mayBeOne(word) << 32;
    }

    private long trueSettings(CapabilityWord word) {
        return mustBeOne(word) | mayBeOne(word) << 32;
    }
}
