package nestbox.vmx.capability;

import java.util.List;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/** The bits of CR4 and the CPU feature that each needs (SDM Vol. 3, "Control Registers"; IA32_VMX_CR4_FIXED1). */
public final class Cr4Bits {
    /** A bit, and the features any of which brings it; none: always there. */
    private record Bit(int position, List<Feature> any) {}

    private static final List<Bit> BITS = List.of(
            bit(0, Feature.VME),
            bit(1, Feature.VME),
            bit(2, Feature.TSC),
            bit(3, Feature.DE),
            bit(4, Feature.PSE),
            bit(5, Feature.PAE),
            bit(6, Feature.MCE),
            bit(7, Feature.PGE),
            bit(8),
            bit(9, Feature.FXSR),
            bit(10, Feature.SSE),
            bit(11, Feature.UMIP),
            bit(12, Feature.LA57),
            bit(13, Feature.VMX),
            bit(14, Feature.SMX),
            bit(16, Feature.FSGSBASE),
            bit(17, Feature.PCID),
            bit(18, Feature.XSAVE),
            bit(20, Feature.SMEP),
            bit(21, Feature.SMAP),
            bit(22, Feature.PKU),
            bit(23, Feature.SHSTK, Feature.IBT),
            bit(24, Feature.PKS),
            bit(28, Feature.LAM));

    private Cr4Bits() {}

    /** The CR4 bits that a processor lets be 1. */
    public static long supported(CpuFeatures cpu) {
        long mask = 0;
        for (Bit bit : BITS) {
            if (bit.any().isEmpty() || bit.any().stream().anyMatch(cpu::has)) {
                mask |= 1L << bit.position();
            }
        }
        return mask;
    }

    private static Bit bit(int position, Feature... any) {
        return new Bit(position, List.of(any));
    }
}
