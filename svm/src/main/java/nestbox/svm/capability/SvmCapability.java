package nestbox.svm.capability;

import java.util.Set;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/**
 * SVM as one CPU model has it, from CPUID leaf 8000000Ah (APM Vol. 3, "CPUID Fn8000_000A SVM Features"). Immutable.
 *
 * @param nrip NRIP is saved on #VMEXIT
 * @param decodeAssists EXITINFO1 and the instruction bytes tell what was intercepted
 * @param npt nested paging
 * @param flushByAsid TLB_CONTROL 3 and 7
 * @param vgif virtual GIF
 * @param vnmi virtual NMI
 * @param lbrv LBR virtualization
 * @param virtualVmload virtualized VMLOAD and VMSAVE
 * @param pauseFilter pause filter
 * @param pauseThreshold pause filter threshold
 * @param tscScale TSC ratio
 * @param gmet guest-mode execute trap
 * @param tlbControl INVLPGB and TLBSYNC can be given to guests, and intercepted
 * @param addressCheck an intercepted VMRUN, VMLOAD or VMSAVE exits before its address is checked
 */
public record SvmCapability(
        boolean nrip,
        boolean decodeAssists,
        boolean npt,
        boolean flushByAsid,
        boolean vgif,
        boolean vnmi,
        boolean lbrv,
        boolean virtualVmload,
        boolean pauseFilter,
        boolean pauseThreshold,
        boolean tscScale,
        boolean gmet,
        boolean tlbControl,
        boolean addressCheck) {
    /** What of leaf 8000000Ah stays hidden, whatever a model declares: AVIC is out of scope. */
    public static final Set<Feature> OUT_OF_SCOPE = Set.of(Feature.AVIC, Feature.X2AVIC);

    public static SvmCapability of(CpuFeatures f) {
        return new SvmCapability(
                f.has(Feature.NRIP_SAVE),
                f.has(Feature.DECODEASSISTS),
                f.has(Feature.NPT),
                f.has(Feature.FLUSHBYASID),
                f.has(Feature.VGIF),
                f.has(Feature.VNMI),
                f.has(Feature.LBRV),
                f.has(Feature.V_VMSAVE_VMLOAD),
                f.has(Feature.PAUSE_FILTER),
                f.has(Feature.PFTHRESHOLD),
                f.has(Feature.TSC_SCALE),
                f.has(Feature.GMET),
                f.has(Feature.TLBICTL),
                f.has(Feature.SVME_ADDR_CHK));
    }
}
