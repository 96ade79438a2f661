package nestbox.x86.model;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * What the silicon does. A model's feature outside this table is hidden: CPUID does not show it, its instructions are #UD and
 * its control bits are reserved. Features that only announce (topology, fast strings) count as done.
 */
public final class Implemented {
    private static final Set<Feature> FEATURES = Collections.unmodifiableSet(EnumSet.of(
            Feature.FPU,
            // Integer instructions
            Feature.CX8,
            Feature.CX16,
            Feature.CMOV,
            Feature.MOVBE,
            Feature.POPCNT,
            Feature.ABM,
            Feature.BMI1,
            Feature.BMI2,
            Feature.ADX,
            Feature.RDRAND,
            Feature.RDSEED,
            Feature.RDPID,
            Feature.RDTSCP,
            Feature.LAHF_LM,
            Feature.ERMS,
            Feature.FSRM,
            Feature.PREFETCHW,
            Feature.CLDEMOTE,
            Feature.MOVDIRI,
            Feature.MOVDIR64B,
            Feature.SERIALIZE,
            Feature.CR8LEGACY,
            // Floating point and vectors
            Feature.MMX,
            Feature.MMXEXT,
            Feature.FXSR,
            Feature.FXSR_OPT,
            Feature.SSE,
            Feature.SSE2,
            Feature.PNI,
            Feature.SSSE3,
            Feature.SSE4_1,
            Feature.SSE4_2,
            Feature.SSE4A,
            Feature.MISALIGNSSE,
            Feature.AES,
            Feature.PCLMULQDQ,
            Feature.SHA_NI,
            Feature.GFNI,
            Feature.AVX,
            Feature.AVX2,
            Feature.FMA,
            Feature.F16C,
            Feature.VAES,
            Feature.VPCLMULQDQ,
            Feature.XSAVE,
            Feature.XSAVEOPT,
            Feature.XSAVEC,
            Feature.XGETBV1,
            Feature.XSAVES,
            Feature.XSAVEERPTR,
            // Caches
            Feature.CLFLUSH,
            Feature.CLFLUSHOPT,
            Feature.CLWB,
            Feature.CLZERO,
            Feature.WBNOINVD,
            Feature.MTRR,
            Feature.PAT,
            Feature.SS,
            // System calls, model-specific registers, machine checks, time
            Feature.SEP,
            Feature.SYSCALL,
            Feature.MSR,
            Feature.MCE,
            Feature.MCA,
            Feature.DE,
            Feature.TSC,
            Feature.TSC_ADJUST,
            Feature.INVTSC,
            Feature.RDPRU,
            Feature.PERFCTR_CORE,
            Feature.MONITOR,
            Feature.WAITPKG,
            // Paging and protection
            Feature.VME,
            Feature.NULL_SEL_CLR_BASE,
            Feature.PSE,
            Feature.PSE36,
            Feature.PAE,
            Feature.PGE,
            Feature.NX,
            Feature.LM,
            Feature.PDPE1GB,
            Feature.LA57,
            Feature.PCID,
            Feature.INVPCID,
            Feature.INVLPGB,
            Feature.SMEP,
            Feature.SMAP,
            Feature.UMIP,
            Feature.PKU,
            Feature.PKS,
            Feature.FSGSBASE,
            Feature.LAM,
            Feature.SHSTK,
            Feature.IBT,
            // Interrupt controller and topology
            Feature.APIC,
            Feature.X2APIC,
            Feature.TSC_DEADLINE,
            Feature.ARAT,
            Feature.HT,
            Feature.CMP_LEGACY,
            Feature.TOPOEXT,
            Feature.HYPERVISOR,
            // Intel VMX: what of it is the VMX room's table
            Feature.VMX,
            // AMD SVM
            Feature.SVM,
            Feature.SVM_LOCK,
            Feature.LBRV,
            Feature.V_VMSAVE_VMLOAD,
            Feature.NPT,
            Feature.NRIP_SAVE,
            Feature.TSC_SCALE,
            Feature.VMCB_CLEAN,
            Feature.FLUSHBYASID,
            Feature.DECODEASSISTS,
            Feature.PAUSE_FILTER,
            Feature.PFTHRESHOLD,
            Feature.VGIF,
            Feature.VNMI,
            Feature.GMET,
            Feature.TLBICTL,
            Feature.SVME_ADDR_CHK));

    private Implemented() {}

    /** All features that the silicon does. */
    public static Set<Feature> features() {
        return FEATURES;
    }

    public static boolean has(Feature feature) {
        return FEATURES.contains(feature);
    }
}
