package nestbox.x86.model;

import java.util.List;

/**
 * One row of the rules about features that need another: a processor with {@link #feature} and without {@link #needs} cannot
 * be.
 *
 * @param section manual and section title that say so
 */
public record FeatureRule(Feature feature, Feature needs, Manual manual, String section) {
    /** Where a rule comes from. */
    public enum Manual {
        SDM_1("SDM Vol. 1"),
        SDM_2("SDM Vol. 2A"),
        SDM_3("SDM Vol. 3"),
        APM_2("APM Vol. 2"),
        APM_3("APM Vol. 3");

        private final String title;

        Manual(String title) {
            this.title = title;
        }
    }

    private static final String XSAVE_CHAPTER = "Managing State Using the XSAVE Feature Set";
    private static final String SSE_CHECK = "Checking for Intel SSE and SSE2 Support";
    private static final String SSE4_CHECK = "Programming with Intel SSE3, SSSE3, Intel SSE4";
    private static final String AVX_CHECK = "Programming with Intel AVX, FMA and Intel AVX2";
    private static final String AVX512_CHECK = "Detection of Intel AVX-512 Foundation Instructions";
    private static final String PAGING_MODES = "Paging Modes and Control Bits";
    private static final String PAGING_ENUMERATION = "Enumeration of Paging Features by CPUID";
    private static final String LONG_MODE = "IA-32e Mode";
    private static final String CPUID = "CPUID - CPU Identification";
    private static final String SVM_CHAPTER = "Secure Virtual Machine";
    private static final String APIC_CHAPTER = "Advanced Programmable Interrupt Controller (APIC)";

    private static final List<FeatureRule> ALL = List.of(
            // 64-bit mode stands on PAE paging and on the instructions that every processor with it has.
            sdm3(Feature.LM, Feature.PAE, PAGING_MODES),
            sdm3(Feature.LM, Feature.MSR, "Extended Feature Enable Register"),
            sdm3(Feature.LM, Feature.FXSR, LONG_MODE),
            sdm3(Feature.LM, Feature.SSE2, LONG_MODE),
            sdm3(Feature.LM, Feature.SYSCALL, "Fast System Calls in 64-Bit Mode"),
            sdm3(Feature.LA57, Feature.LM, PAGING_MODES),
            sdm3(Feature.PDPE1GB, Feature.LM, PAGING_ENUMERATION),
            sdm3(Feature.PCID, Feature.LM, "Process-Context Identifiers (PCIDs)"),
            sdm3(Feature.PKU, Feature.LM, "Protection Keys"),
            sdm3(Feature.PKS, Feature.LM, "Protection Keys"),
            sdm3(Feature.SHSTK, Feature.MSR, "Control-flow Enforcement Technology"),
            sdm3(Feature.IBT, Feature.MSR, "Control-flow Enforcement Technology"),
            sdm3(Feature.FSGSBASE, Feature.LM, "Control Registers"),
            sdm3(Feature.LAM, Feature.LM, "Linear-Address Masking"),
            sdm2(Feature.LAHF_LM, Feature.LM, CPUID),
            sdm2(Feature.CX16, Feature.LM, CPUID),
            sdm3(Feature.NX, Feature.PAE, PAGING_MODES),
            sdm3(Feature.NX, Feature.MSR, "Extended Feature Enable Register"),
            sdm3(Feature.PSE36, Feature.PSE, PAGING_ENUMERATION),
            sdm3(Feature.SYSCALL, Feature.MSR, "Extended Feature Enable Register"),
            sdm3(
                    Feature.SEP,
                    Feature.MSR,
                    "Performing Fast Calls to System Procedures with the SYSENTER and SYSEXIT Instructions"),
            sdm3(Feature.MTRR, Feature.MSR, "Memory Type Range Registers (MTRRs)"),
            sdm3(Feature.PAT, Feature.MSR, "Page Attribute Table (PAT)"),
            sdm3(Feature.MCA, Feature.MCE, "Machine-Check Architecture"),
            sdm3(Feature.MCA, Feature.MSR, "Machine-Check Architecture"),
            sdm3(Feature.X2APIC, Feature.APIC, APIC_CHAPTER),
            sdm3(Feature.X2APIC, Feature.MSR, APIC_CHAPTER),
            sdm3(Feature.TSC_DEADLINE, Feature.APIC, "TSC-Deadline Mode"),
            sdm3(Feature.TSC_DEADLINE, Feature.TSC, "TSC-Deadline Mode"),
            sdm3(Feature.ARAT, Feature.APIC, "APIC Timer"),
            sdm3(Feature.TSC_ADJUST, Feature.TSC, "IA32_TSC_ADJUST Register Support"),
            sdm3(Feature.RDTSCP, Feature.TSC, "Time-Stamp Counter"),
            sdm3(Feature.INVTSC, Feature.TSC, "Invariant TSC"),
            apm3(Feature.RDPRU, Feature.TSC, "RDPRU"),
            // Vector instructions
            sdm1(Feature.MMX, Feature.FPU, "Programming with Intel MMX Technology"),
            sdm1(Feature.SSE, Feature.FXSR, SSE_CHECK),
            sdm1(Feature.SSE2, Feature.SSE, SSE_CHECK),
            sdm1(Feature.PNI, Feature.SSE2, SSE4_CHECK),
            sdm1(Feature.SSSE3, Feature.PNI, SSE4_CHECK),
            sdm1(Feature.SSE4_1, Feature.SSSE3, SSE4_CHECK),
            sdm1(Feature.SSE4_2, Feature.SSE4_1, SSE4_CHECK),
            sdm1(Feature.AES, Feature.SSE2, SSE4_CHECK),
            sdm1(Feature.PCLMULQDQ, Feature.SSE2, SSE4_CHECK),
            sdm2(Feature.SHA_NI, Feature.SSE2, CPUID),
            sdm2(Feature.GFNI, Feature.SSE2, CPUID),
            apm3(Feature.SSE4A, Feature.PNI, "CPUID Specification"),
            apm3(Feature.MMXEXT, Feature.MMX, "CPUID Specification"),
            apm3(Feature.AMD_3DNOW, Feature.MMX, "CPUID Specification"),
            apm3(Feature.AMD_3DNOWEXT, Feature.AMD_3DNOW, "CPUID Specification"),
            apm3(Feature.FXSR_OPT, Feature.FXSR, "CPUID Specification"),
            sdm1(Feature.AVX, Feature.XSAVE, AVX_CHECK),
            sdm1(Feature.AVX, Feature.SSE2, AVX_CHECK),
            sdm1(Feature.FMA, Feature.AVX, AVX_CHECK),
            sdm1(Feature.F16C, Feature.AVX, AVX_CHECK),
            sdm1(Feature.AVX2, Feature.AVX, AVX_CHECK),
            sdm1(Feature.VAES, Feature.AVX, AVX_CHECK),
            sdm1(Feature.VAES, Feature.AES, AVX_CHECK),
            sdm1(Feature.VPCLMULQDQ, Feature.AVX, AVX_CHECK),
            sdm1(Feature.VPCLMULQDQ, Feature.PCLMULQDQ, AVX_CHECK),
            sdm1(Feature.AVX_VNNI, Feature.AVX2, AVX_CHECK),
            sdm1(Feature.AVX512F, Feature.AVX2, AVX512_CHECK),
            sdm1(Feature.AVX512DQ, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512IFMA, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512CD, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512BW, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512VL, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512VBMI, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512VBMI2, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512VNNI, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512BITALG, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512_VPOPCNTDQ, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512_BF16, Feature.AVX512F, AVX512_CHECK),
            sdm1(Feature.AVX512_FP16, Feature.AVX512BW, AVX512_CHECK),
            sdm1(Feature.AMX_TILE, Feature.XSAVE, "Programming with Intel Advanced Matrix Extensions"),
            sdm1(Feature.AMX_TILE, Feature.LM, "Programming with Intel Advanced Matrix Extensions"),
            sdm1(Feature.AMX_INT8, Feature.AMX_TILE, "Programming with Intel Advanced Matrix Extensions"),
            sdm1(Feature.AMX_BF16, Feature.AMX_TILE, "Programming with Intel Advanced Matrix Extensions"),
            sdm1(Feature.MPX, Feature.XSAVE, "Intel Memory Protection Extensions"),
            sdm1(Feature.XSAVE, Feature.FXSR, XSAVE_CHAPTER),
            sdm1(Feature.XSAVEOPT, Feature.XSAVE, XSAVE_CHAPTER),
            sdm1(Feature.XSAVEC, Feature.XSAVE, XSAVE_CHAPTER),
            sdm1(Feature.XGETBV1, Feature.XSAVE, XSAVE_CHAPTER),
            sdm1(Feature.XSAVES, Feature.XSAVEC, XSAVE_CHAPTER),
            sdm1(Feature.XSAVES, Feature.MSR, XSAVE_CHAPTER),
            sdm1(Feature.XFD, Feature.XSAVE, XSAVE_CHAPTER),
            apm3(Feature.XSAVEERPTR, Feature.XSAVE, "CPUID Specification"),
            // Virtualization
            sdm3(Feature.VMX, Feature.MSR, "Discovering Support for VMX"),
            apm2(Feature.SVM, Feature.MSR, SVM_CHAPTER),
            apm2(Feature.NPT, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.LBRV, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.SVM_LOCK, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.NRIP_SAVE, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.TSC_SCALE, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.VMCB_CLEAN, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.FLUSHBYASID, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.DECODEASSISTS, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.PAUSE_FILTER, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.PFTHRESHOLD, Feature.PAUSE_FILTER, SVM_CHAPTER),
            apm2(Feature.AVIC, Feature.NPT, SVM_CHAPTER),
            apm2(Feature.X2AVIC, Feature.AVIC, SVM_CHAPTER),
            apm2(Feature.V_VMSAVE_VMLOAD, Feature.NPT, SVM_CHAPTER),
            apm2(Feature.VGIF, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.VNMI, Feature.VGIF, SVM_CHAPTER),
            apm2(Feature.GMET, Feature.NPT, SVM_CHAPTER),
            apm2(Feature.TLBICTL, Feature.INVLPGB, SVM_CHAPTER),
            apm2(Feature.V_SPEC_CTRL, Feature.SVM, SVM_CHAPTER),
            apm2(Feature.SVME_ADDR_CHK, Feature.SVM, SVM_CHAPTER));

    /** All rows. */
    public static List<FeatureRule> all() {
        return ALL;
    }

    private static FeatureRule sdm1(Feature feature, Feature needs, String section) {
        return new FeatureRule(feature, needs, Manual.SDM_1, section);
    }

    private static FeatureRule sdm2(Feature feature, Feature needs, String section) {
        return new FeatureRule(feature, needs, Manual.SDM_2, section);
    }

    private static FeatureRule sdm3(Feature feature, Feature needs, String section) {
        return new FeatureRule(feature, needs, Manual.SDM_3, section);
    }

    private static FeatureRule apm2(Feature feature, Feature needs, String section) {
        return new FeatureRule(feature, needs, Manual.APM_2, section);
    }

    private static FeatureRule apm3(Feature feature, Feature needs, String section) {
        return new FeatureRule(feature, needs, Manual.APM_3, section);
    }

    /** Why a processor with {@link #feature} alone is impossible, for the user. */
    public String reason() {
        return feature.qemuName() + " needs " + needs.qemuName() + " (" + manual.title + ", \"" + section + "\")";
    }
}
