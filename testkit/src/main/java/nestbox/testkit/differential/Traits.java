package nestbox.testkit.differential;

import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/**
 * What the guest's processor has, as far as steps depend on it. Steps use what it lacks, too: that raises #GP or #UD.
 *
 * @param pdpteRegisters PAE paging goes by four registers until they are loaded anew, which checks them; AMD's nested paging reads and
 *     checks an entry in memory when a walk uses it (APM Vol. 2, "Nested Paging", "Legacy PAE Mode"), so that software may rely on
 *     neither there
 * @param unpaged paging can be turned off; in VMX non-root operation that takes an unrestricted guest (SDM Vol. 3, "Restrictions on VMX
 *     Operation")
 */
record Traits(
        boolean pcid,
        boolean invpcid,
        boolean smep,
        boolean smap,
        boolean noExecute,
        boolean gigabyte,
        boolean keys,
        boolean fiveLevels,
        boolean pdpteRegisters,
        boolean unpaged) {
    /** A guest of L1's, without protection keys. */
    static Traits ofGuest(boolean unpaged) {
        return new Traits(true, true, true, true, true, true, false, false, false, unpaged);
    }

    static Traits of(CpuFeatures model) {
        return new Traits(
                model.has(Feature.PCID),
                model.has(Feature.INVPCID),
                model.has(Feature.SMEP),
                model.has(Feature.SMAP),
                model.has(Feature.NX),
                model.has(Feature.PDPE1GB),
                model.has(Feature.PKU),
                model.has(Feature.LA57),
                model.vendor() == Vendor.INTEL,
                true);
    }

    /** Whether a bit of CR4 that steps toggle exists. */
    boolean hasCr4(long bit) {
        if (bit == Processor.CR4_PCIDE) {
            return pcid;
        } else if (bit == Processor.CR4_SMEP) {
            return smep;
        } else if (bit == Processor.CR4_SMAP) {
            return smap;
        }
        return bit != Processor.CR4_PKE || keys;
    }
}
