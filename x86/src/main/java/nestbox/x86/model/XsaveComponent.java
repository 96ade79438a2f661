package nestbox.x86.model;

/**
 * The state components of XSAVE: bit in XCR0, size and place in the standard format, in bytes (SDM Vol. 1, "XSAVE-Supported
 * Features and State-Component Bitmaps"; places as Intel's processors report them).
 */
public enum XsaveComponent {
    X87(0, 160, 0, Feature.FPU),
    SSE(1, 256, 160, Feature.SSE),
    AVX(2, 256, 0x240, Feature.AVX),
    BNDREGS(3, 64, 0x3c0, Feature.MPX),
    BNDCSR(4, 64, 0x400, Feature.MPX),
    OPMASK(5, 64, 0x440, Feature.AVX512F),
    ZMM_HI256(6, 512, 0x480, Feature.AVX512F),
    HI16_ZMM(7, 1024, 0x680, Feature.AVX512F),
    PKRU(9, 8, 0xa80, Feature.PKU),
    /** IA32_U_CET and IA32_PL3_SSP; a supervisor component, in IA32_XSS and without a place in the standard format. */
    CET_U(11, 16, 0, Feature.SHSTK, Feature.IBT),
    /** IA32_PL0_SSP to IA32_PL2_SSP; a supervisor component. */
    CET_S(12, 24, 0, Feature.SHSTK, Feature.IBT),
    TILECFG(17, 64, 0xac0, Feature.AMX_TILE),
    TILEDATA(18, 8192, 0xb00, Feature.AMX_TILE);

    /** Size of the legacy region and the header, which every XSAVE area has. */
    public static final int MINIMUM = 576;

    private static final XsaveComponent[] ALL = values();

    private final int bit;
    private final int size;
    private final int offset;
    /** Any of them brings the component. */
    private final Feature[] features;

    XsaveComponent(int bit, int size, int offset, Feature... features) {
        this.bit = bit;
        this.size = size;
        this.offset = offset;
        this.features = features;
    }

    public int bit() {
        return bit;
    }

    public int size() {
        return size;
    }

    public int offset() {
        return offset;
    }

    /** In the legacy region, which both formats share. */
    public boolean legacy() {
        return bit < 2;
    }

    /** Aligned to 64 bytes in the compacted format. */
    public boolean aligned() {
        return this == TILECFG || this == TILEDATA;
    }

    /** Enabled by IA32_XSS instead of XCR0. */
    public boolean supervisor() {
        return this == CET_U || this == CET_S;
    }

    private boolean present(CpuFeatures processor) {
        for (Feature feature : features) {
            if (processor.has(feature)) {
                return true;
            }
        }
        return false;
    }

    /** The component with that bit number, or null. */
    public static XsaveComponent ofBit(int bit) {
        for (XsaveComponent component : ALL) {
            if (component.bit == bit) {
                return component;
            }
        }
        return null;
    }

    /** The bits that XCR0 may have on a processor: the components of its features. */
    public static long supported(CpuFeatures features) {
        return supported(features, false);
    }

    /** The bits that IA32_XSS may have: the supervisor components, on a processor with XSAVES. */
    public static long supervisorSupported(CpuFeatures features) {
        return features.has(Feature.XSAVES) ? supported(features, true) : 0;
    }

    private static long supported(CpuFeatures features, boolean supervisor) {
        long mask = 0;
        for (XsaveComponent component : ALL) {
            if (component.supervisor() == supervisor && component.present(features)) {
                mask |= 1L << component.bit;
            }
        }
        return mask;
    }

    /** Bytes of a standard-format area that holds the components of {@code mask}. */
    public static int standardSize(long mask) {
        int end = MINIMUM;
        for (XsaveComponent component : ALL) {
            if (!component.legacy() && (mask >>> component.bit & 1) != 0) {
                end = Math.max(end, component.offset + component.size);
            }
        }
        return end;
    }

    /** Bytes of a compacted-format area that holds the components of {@code mask}. */
    public static int compactedSize(long mask) {
        int end = MINIMUM;
        for (XsaveComponent component : ALL) {
            if (!component.legacy() && (mask >>> component.bit & 1) != 0) {
                end = (component.aligned() ? (end + 63) & -64 : end) + component.size;
            }
        }
        return end;
    }
}
