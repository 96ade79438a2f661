package nestbox.vmx.check;

import nestbox.x86.model.Feature;

/** What VM entry demands of a CR3 field. */
final class Cr3 {
    /** LAM_U57 and LAM_U48, control bits of processors with linear-address masking. */
    private static final long LAM = 3L << 61;

    private Cr3() {}

    /** Whether the value sets no bit beyond the physical-address width. */
    static boolean fits(CheckContext c, long value) {
        return c.physical(c.has(Feature.LAM) ? value & ~LAM : value);
    }
}
