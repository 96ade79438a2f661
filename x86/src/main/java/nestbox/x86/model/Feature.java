package nestbox.x86.model;

import java.util.HashMap;
import java.util.Map;

/** CPU features: the names that QEMU gives them and their CPUID bits (SDM Vol. 2A, "CPUID"; APM Vol. 3, "CPUID"). */
public enum Feature {
    // Leaf 1h, EDX
    FPU("fpu", 0x1, 0, Register.EDX, 0),
    VME("vme", 0x1, 0, Register.EDX, 1),
    DE("de", 0x1, 0, Register.EDX, 2),
    PSE("pse", 0x1, 0, Register.EDX, 3),
    TSC("tsc", 0x1, 0, Register.EDX, 4),
    MSR("msr", 0x1, 0, Register.EDX, 5),
    PAE("pae", 0x1, 0, Register.EDX, 6),
    MCE("mce", 0x1, 0, Register.EDX, 7),
    CX8("cx8", 0x1, 0, Register.EDX, 8),
    APIC("apic", 0x1, 0, Register.EDX, 9),
    SEP("sep", 0x1, 0, Register.EDX, 11),
    MTRR("mtrr", 0x1, 0, Register.EDX, 12),
    PGE("pge", 0x1, 0, Register.EDX, 13),
    MCA("mca", 0x1, 0, Register.EDX, 14),
    CMOV("cmov", 0x1, 0, Register.EDX, 15),
    PAT("pat", 0x1, 0, Register.EDX, 16),
    PSE36("pse36", 0x1, 0, Register.EDX, 17),
    CLFLUSH("clflush", 0x1, 0, Register.EDX, 19),
    DS("ds", 0x1, 0, Register.EDX, 21),
    ACPI("acpi", 0x1, 0, Register.EDX, 22),
    MMX("mmx", 0x1, 0, Register.EDX, 23),
    FXSR("fxsr", 0x1, 0, Register.EDX, 24),
    SSE("sse", 0x1, 0, Register.EDX, 25),
    SSE2("sse2", 0x1, 0, Register.EDX, 26),
    SS("ss", 0x1, 0, Register.EDX, 27),
    HT("ht", 0x1, 0, Register.EDX, 28),
    TM("tm", 0x1, 0, Register.EDX, 29),
    PBE("pbe", 0x1, 0, Register.EDX, 31),
    // Leaf 1h, ECX
    PNI("pni", 0x1, 0, Register.ECX, 0),
    PCLMULQDQ("pclmulqdq", 0x1, 0, Register.ECX, 1),
    DTES64("dtes64", 0x1, 0, Register.ECX, 2),
    MONITOR("monitor", 0x1, 0, Register.ECX, 3),
    DS_CPL("ds-cpl", 0x1, 0, Register.ECX, 4),
    VMX("vmx", 0x1, 0, Register.ECX, 5),
    SMX("smx", 0x1, 0, Register.ECX, 6),
    EST("est", 0x1, 0, Register.ECX, 7),
    TM2("tm2", 0x1, 0, Register.ECX, 8),
    SSSE3("ssse3", 0x1, 0, Register.ECX, 9),
    CID("cid", 0x1, 0, Register.ECX, 10),
    FMA("fma", 0x1, 0, Register.ECX, 12),
    CX16("cx16", 0x1, 0, Register.ECX, 13),
    XTPR("xtpr", 0x1, 0, Register.ECX, 14),
    PDCM("pdcm", 0x1, 0, Register.ECX, 15),
    PCID("pcid", 0x1, 0, Register.ECX, 17),
    DCA("dca", 0x1, 0, Register.ECX, 18),
    SSE4_1("sse4.1", 0x1, 0, Register.ECX, 19),
    SSE4_2("sse4.2", 0x1, 0, Register.ECX, 20),
    X2APIC("x2apic", 0x1, 0, Register.ECX, 21),
    MOVBE("movbe", 0x1, 0, Register.ECX, 22),
    POPCNT("popcnt", 0x1, 0, Register.ECX, 23),
    TSC_DEADLINE("tsc-deadline", 0x1, 0, Register.ECX, 24),
    AES("aes", 0x1, 0, Register.ECX, 25),
    XSAVE("xsave", 0x1, 0, Register.ECX, 26),
    AVX("avx", 0x1, 0, Register.ECX, 28),
    F16C("f16c", 0x1, 0, Register.ECX, 29),
    RDRAND("rdrand", 0x1, 0, Register.ECX, 30),
    HYPERVISOR("hypervisor", 0x1, 0, Register.ECX, 31),
    // Leaf 7h, subleaf 0, EBX
    FSGSBASE("fsgsbase", 0x7, 0, Register.EBX, 0),
    TSC_ADJUST("tsc-adjust", 0x7, 0, Register.EBX, 1),
    SGX("sgx", 0x7, 0, Register.EBX, 2),
    BMI1("bmi1", 0x7, 0, Register.EBX, 3),
    HLE("hle", 0x7, 0, Register.EBX, 4),
    AVX2("avx2", 0x7, 0, Register.EBX, 5),
    SMEP("smep", 0x7, 0, Register.EBX, 7),
    BMI2("bmi2", 0x7, 0, Register.EBX, 8),
    ERMS("erms", 0x7, 0, Register.EBX, 9),
    INVPCID("invpcid", 0x7, 0, Register.EBX, 10),
    RTM("rtm", 0x7, 0, Register.EBX, 11),
    MPX("mpx", 0x7, 0, Register.EBX, 14),
    AVX512F("avx512f", 0x7, 0, Register.EBX, 16),
    AVX512DQ("avx512dq", 0x7, 0, Register.EBX, 17),
    RDSEED("rdseed", 0x7, 0, Register.EBX, 18),
    ADX("adx", 0x7, 0, Register.EBX, 19),
    SMAP("smap", 0x7, 0, Register.EBX, 20),
    AVX512IFMA("avx512ifma", 0x7, 0, Register.EBX, 21),
    CLFLUSHOPT("clflushopt", 0x7, 0, Register.EBX, 23),
    CLWB("clwb", 0x7, 0, Register.EBX, 24),
    INTEL_PT("intel-pt", 0x7, 0, Register.EBX, 25),
    AVX512PF("avx512pf", 0x7, 0, Register.EBX, 26),
    AVX512ER("avx512er", 0x7, 0, Register.EBX, 27),
    AVX512CD("avx512cd", 0x7, 0, Register.EBX, 28),
    SHA_NI("sha-ni", 0x7, 0, Register.EBX, 29),
    AVX512BW("avx512bw", 0x7, 0, Register.EBX, 30),
    AVX512VL("avx512vl", 0x7, 0, Register.EBX, 31),
    // Leaf 7h, subleaf 0, ECX
    AVX512VBMI("avx512vbmi", 0x7, 0, Register.ECX, 1),
    UMIP("umip", 0x7, 0, Register.ECX, 2),
    PKU("pku", 0x7, 0, Register.ECX, 3),
    WAITPKG("waitpkg", 0x7, 0, Register.ECX, 5),
    AVX512VBMI2("avx512vbmi2", 0x7, 0, Register.ECX, 6),
    SHSTK("shstk", 0x7, 0, Register.ECX, 7),
    GFNI("gfni", 0x7, 0, Register.ECX, 8),
    VAES("vaes", 0x7, 0, Register.ECX, 9),
    VPCLMULQDQ("vpclmulqdq", 0x7, 0, Register.ECX, 10),
    AVX512VNNI("avx512vnni", 0x7, 0, Register.ECX, 11),
    AVX512BITALG("avx512bitalg", 0x7, 0, Register.ECX, 12),
    AVX512_VPOPCNTDQ("avx512-vpopcntdq", 0x7, 0, Register.ECX, 14),
    LA57("la57", 0x7, 0, Register.ECX, 16),
    RDPID("rdpid", 0x7, 0, Register.ECX, 22),
    BUS_LOCK_DETECT("bus-lock-detect", 0x7, 0, Register.ECX, 24),
    CLDEMOTE("cldemote", 0x7, 0, Register.ECX, 25),
    MOVDIRI("movdiri", 0x7, 0, Register.ECX, 27),
    MOVDIR64B("movdir64b", 0x7, 0, Register.ECX, 28),
    SGXLC("sgxlc", 0x7, 0, Register.ECX, 30),
    PKS("pks", 0x7, 0, Register.ECX, 31),
    // Leaf 7h, subleaf 0, EDX
    AVX512_4VNNIW("avx512-4vnniw", 0x7, 0, Register.EDX, 2),
    AVX512_4FMAPS("avx512-4fmaps", 0x7, 0, Register.EDX, 3),
    FSRM("fsrm", 0x7, 0, Register.EDX, 4),
    AVX512_VP2INTERSECT("avx512-vp2intersect", 0x7, 0, Register.EDX, 8),
    MD_CLEAR("md-clear", 0x7, 0, Register.EDX, 10),
    SERIALIZE("serialize", 0x7, 0, Register.EDX, 14),
    TSX_LDTRK("tsx-ldtrk", 0x7, 0, Register.EDX, 16),
    ARCH_LBR("arch-lbr", 0x7, 0, Register.EDX, 18),
    IBT("ibt", 0x7, 0, Register.EDX, 20),
    AMX_BF16("amx-bf16", 0x7, 0, Register.EDX, 22),
    AVX512_FP16("avx512-fp16", 0x7, 0, Register.EDX, 23),
    AMX_TILE("amx-tile", 0x7, 0, Register.EDX, 24),
    AMX_INT8("amx-int8", 0x7, 0, Register.EDX, 25),
    SPEC_CTRL("spec-ctrl", 0x7, 0, Register.EDX, 26),
    STIBP("stibp", 0x7, 0, Register.EDX, 27),
    FLUSH_L1D("flush-l1d", 0x7, 0, Register.EDX, 28),
    ARCH_CAPABILITIES("arch-capabilities", 0x7, 0, Register.EDX, 29),
    CORE_CAPABILITY("core-capability", 0x7, 0, Register.EDX, 30),
    SSBD("ssbd", 0x7, 0, Register.EDX, 31),
    // Leaf 7h, subleaf 1, EAX
    SHA512("sha512", 0x7, 1, Register.EAX, 0),
    SM3("sm3", 0x7, 1, Register.EAX, 1),
    SM4("sm4", 0x7, 1, Register.EAX, 2),
    AVX_VNNI("avx-vnni", 0x7, 1, Register.EAX, 4),
    AVX512_BF16("avx512-bf16", 0x7, 1, Register.EAX, 5),
    CMPCCXADD("cmpccxadd", 0x7, 1, Register.EAX, 7),
    FZRM("fzrm", 0x7, 1, Register.EAX, 10),
    FSRS("fsrs", 0x7, 1, Register.EAX, 11),
    FSRC("fsrc", 0x7, 1, Register.EAX, 12),
    FRED("fred", 0x7, 1, Register.EAX, 17),
    LKGS("lkgs", 0x7, 1, Register.EAX, 18),
    WRMSRNS("wrmsrns", 0x7, 1, Register.EAX, 19),
    AMX_FP16("amx-fp16", 0x7, 1, Register.EAX, 21),
    AVX_IFMA("avx-ifma", 0x7, 1, Register.EAX, 23),
    LAM("lam", 0x7, 1, Register.EAX, 26),
    // Leaf 7h, subleaf 1, EDX
    AVX_VNNI_INT8("avx-vnni-int8", 0x7, 1, Register.EDX, 4),
    AVX_NE_CONVERT("avx-ne-convert", 0x7, 1, Register.EDX, 5),
    AMX_COMPLEX("amx-complex", 0x7, 1, Register.EDX, 8),
    AVX_VNNI_INT16("avx-vnni-int16", 0x7, 1, Register.EDX, 10),
    PREFETCHITI("prefetchiti", 0x7, 1, Register.EDX, 14),
    AVX10("avx10", 0x7, 1, Register.EDX, 19),
    // Leaf 7h, subleaf 2, EDX
    INTEL_PSFD("intel-psfd", 0x7, 2, Register.EDX, 0),
    IPRED_CTRL("ipred-ctrl", 0x7, 2, Register.EDX, 1),
    RRSBA_CTRL("rrsba-ctrl", 0x7, 2, Register.EDX, 2),
    DDPD_U("ddpd-u", 0x7, 2, Register.EDX, 3),
    BHI_CTRL("bhi-ctrl", 0x7, 2, Register.EDX, 4),
    MCDT_NO("mcdt-no", 0x7, 2, Register.EDX, 5),
    // Leaf Dh, subleaf 1, EAX
    XSAVEOPT("xsaveopt", 0xd, 1, Register.EAX, 0),
    XSAVEC("xsavec", 0xd, 1, Register.EAX, 1),
    XGETBV1("xgetbv1", 0xd, 1, Register.EAX, 2),
    XSAVES("xsaves", 0xd, 1, Register.EAX, 3),
    XFD("xfd", 0xd, 1, Register.EAX, 4),
    // Leaf 6h, EAX
    ARAT("arat", 0x6, 0, Register.EAX, 2),
    // Leaf 24h, subleaf 0, EBX
    AVX10_128("avx10-128", 0x24, 0, Register.EBX, 16),
    AVX10_256("avx10-256", 0x24, 0, Register.EBX, 17),
    AVX10_512("avx10-512", 0x24, 0, Register.EBX, 18),
    // Leaf 80000001h, EDX
    SYSCALL("syscall", 0x80000001, 0, Register.EDX, 11),
    MP("mp", 0x80000001, 0, Register.EDX, 19),
    NX("nx", 0x80000001, 0, Register.EDX, 20),
    MMXEXT("mmxext", 0x80000001, 0, Register.EDX, 22),
    FXSR_OPT("fxsr-opt", 0x80000001, 0, Register.EDX, 25),
    PDPE1GB("pdpe1gb", 0x80000001, 0, Register.EDX, 26),
    RDTSCP("rdtscp", 0x80000001, 0, Register.EDX, 27),
    LM("lm", 0x80000001, 0, Register.EDX, 29),
    AMD_3DNOWEXT("3dnowext", 0x80000001, 0, Register.EDX, 30),
    AMD_3DNOW("3dnow", 0x80000001, 0, Register.EDX, 31),
    // Leaf 80000001h, ECX
    LAHF_LM("lahf-lm", 0x80000001, 0, Register.ECX, 0),
    CMP_LEGACY("cmp-legacy", 0x80000001, 0, Register.ECX, 1),
    SVM("svm", 0x80000001, 0, Register.ECX, 2),
    EXTAPIC("extapic", 0x80000001, 0, Register.ECX, 3),
    CR8LEGACY("cr8legacy", 0x80000001, 0, Register.ECX, 4),
    ABM("abm", 0x80000001, 0, Register.ECX, 5),
    SSE4A("sse4a", 0x80000001, 0, Register.ECX, 6),
    MISALIGNSSE("misalignsse", 0x80000001, 0, Register.ECX, 7),
    PREFETCHW("3dnowprefetch", 0x80000001, 0, Register.ECX, 8),
    OSVW("osvw", 0x80000001, 0, Register.ECX, 9),
    IBS("ibs", 0x80000001, 0, Register.ECX, 10),
    XOP("xop", 0x80000001, 0, Register.ECX, 11),
    SKINIT("skinit", 0x80000001, 0, Register.ECX, 12),
    WDT("wdt", 0x80000001, 0, Register.ECX, 13),
    LWP("lwp", 0x80000001, 0, Register.ECX, 15),
    FMA4("fma4", 0x80000001, 0, Register.ECX, 16),
    TCE("tce", 0x80000001, 0, Register.ECX, 17),
    NODEID_MSR("nodeid-msr", 0x80000001, 0, Register.ECX, 19),
    TBM("tbm", 0x80000001, 0, Register.ECX, 21),
    TOPOEXT("topoext", 0x80000001, 0, Register.ECX, 22),
    PERFCTR_CORE("perfctr-core", 0x80000001, 0, Register.ECX, 23),
    PERFCTR_NB("perfctr-nb", 0x80000001, 0, Register.ECX, 24),
    /** MONITORX and MWAITX; QEMU has no name for it, Linux has this one. */
    MWAITX("mwaitx", 0x80000001, 0, Register.ECX, 29),
    // Leaf 80000007h, EBX
    OVERFLOW_RECOV("overflow-recov", 0x80000007, 0, Register.EBX, 0),
    SUCCOR("succor", 0x80000007, 0, Register.EBX, 1),
    // Leaf 80000007h, EDX
    INVTSC("invtsc", 0x80000007, 0, Register.EDX, 8),
    // Leaf 80000008h, EBX
    CLZERO("clzero", 0x80000008, 0, Register.EBX, 0),
    XSAVEERPTR("xsaveerptr", 0x80000008, 0, Register.EBX, 2),
    INVLPGB("invlpgb", 0x80000008, 0, Register.EBX, 3),
    RDPRU("rdpru", 0x80000008, 0, Register.EBX, 4),
    WBNOINVD("wbnoinvd", 0x80000008, 0, Register.EBX, 9),
    IBPB("ibpb", 0x80000008, 0, Register.EBX, 12),
    AMD_IBRS("amd-ibrs", 0x80000008, 0, Register.EBX, 14),
    AMD_STIBP("amd-stibp", 0x80000008, 0, Register.EBX, 15),
    STIBP_ALWAYS_ON("stibp-always-on", 0x80000008, 0, Register.EBX, 17),
    AMD_SSBD("amd-ssbd", 0x80000008, 0, Register.EBX, 24),
    VIRT_SSBD("virt-ssbd", 0x80000008, 0, Register.EBX, 25),
    AMD_NO_SSB("amd-no-ssb", 0x80000008, 0, Register.EBX, 26),
    AMD_PSFD("amd-psfd", 0x80000008, 0, Register.EBX, 28),
    // Leaf 8000000Ah, EDX
    NPT("npt", 0x8000000a, 0, Register.EDX, 0),
    LBRV("lbrv", 0x8000000a, 0, Register.EDX, 1),
    SVM_LOCK("svm-lock", 0x8000000a, 0, Register.EDX, 2),
    NRIP_SAVE("nrip-save", 0x8000000a, 0, Register.EDX, 3),
    TSC_SCALE("tsc-scale", 0x8000000a, 0, Register.EDX, 4),
    VMCB_CLEAN("vmcb-clean", 0x8000000a, 0, Register.EDX, 5),
    FLUSHBYASID("flushbyasid", 0x8000000a, 0, Register.EDX, 6),
    DECODEASSISTS("decodeassists", 0x8000000a, 0, Register.EDX, 7),
    PAUSE_FILTER("pause-filter", 0x8000000a, 0, Register.EDX, 10),
    PFTHRESHOLD("pfthreshold", 0x8000000a, 0, Register.EDX, 12),
    AVIC("avic", 0x8000000a, 0, Register.EDX, 13),
    V_VMSAVE_VMLOAD("v-vmsave-vmload", 0x8000000a, 0, Register.EDX, 15),
    VGIF("vgif", 0x8000000a, 0, Register.EDX, 16),
    GMET("gmet", 0x8000000a, 0, Register.EDX, 17),
    V_SPEC_CTRL("v-spec-ctrl", 0x8000000a, 0, Register.EDX, 20),
    X2AVIC("x2avic", 0x8000000a, 0, Register.EDX, 18),
    /** Control of INVLPGB and TLBSYNC in guests; QEMU has no name for it, this is the manual's. */
    TLBICTL("tlbictl", 0x8000000a, 0, Register.EDX, 24),
    VNMI("vnmi", 0x8000000a, 0, Register.EDX, 25),
    SVME_ADDR_CHK("svme-addr-chk", 0x8000000a, 0, Register.EDX, 28),
    // Leaf 80000021h, EAX
    NO_NESTED_DATA_BP("no-nested-data-bp", 0x80000021, 0, Register.EAX, 0),
    FS_GS_BASE_NS("fs-gs-base-ns", 0x80000021, 0, Register.EAX, 1),
    LFENCE_ALWAYS_SERIALIZING("lfence-always-serializing", 0x80000021, 0, Register.EAX, 2),
    NULL_SEL_CLR_BASE("null-sel-clr-base", 0x80000021, 0, Register.EAX, 6),
    AUTO_IBRS("auto-ibrs", 0x80000021, 0, Register.EAX, 8),
    NO_SMM_CTL_MSR("no-smm-ctl-msr", 0x80000021, 0, Register.EAX, 9),
    AMD_UPPER_ADDR_IGNORE("amd-upper-addr-ignore", 0x80000021, 0, Register.EAX, 7),
    PREFETCHI("prefetchi", 0x80000021, 0, Register.EAX, 20),
    SBPB("sbpb", 0x80000021, 0, Register.EAX, 27),
    IBPB_BRTYPE("ibpb-brtype", 0x80000021, 0, Register.EAX, 28),
    SRSO_NO("srso-no", 0x80000021, 0, Register.EAX, 29),
    SRSO_USER_KERNEL_NO("srso-user-kernel-no", 0x80000021, 0, Register.EAX, 30),
    // Leaf 80000022h, EAX
    PERFMON_V2("perfmon-v2", 0x80000022, 0, Register.EAX, 0);

    /** CPUID's result registers, in the order of {@link CpuFeatures#cpuid}. */
    public enum Register {
        EAX,
        EBX,
        ECX,
        EDX
    }

    private static final Map<String, Feature> BY_NAME = new HashMap<>();

    static {
        for (Feature feature : values()) {
            BY_NAME.put(feature.qemuName, feature);
        }
        BY_NAME.put("sse3", PNI);
        BY_NAME.put("sse4-1", SSE4_1);
        BY_NAME.put("sse4-2", SSE4_2);
        BY_NAME.put("pclmuldq", PCLMULQDQ);
        BY_NAME.put("xd", NX);
        BY_NAME.put("i64", LM);
        BY_NAME.put("ffxsr", FXSR_OPT);
        BY_NAME.put("ibrs", AMD_IBRS);
    }

    private final String qemuName;
    private final int leaf;
    private final int subleaf;
    private final Register register;
    private final int bit;

    Feature(String qemuName, int leaf, int subleaf, Register register, int bit) {
        this.qemuName = qemuName;
        this.leaf = leaf;
        this.subleaf = subleaf;
        this.register = register;
        this.bit = bit;
    }

    /** The feature of that name or of one of QEMU's other names for it ({@code _} and {@code -} are the same), or null. */
    public static Feature byName(String name) {
        return BY_NAME.get(name.toLowerCase(java.util.Locale.ROOT).replace('_', '-'));
    }

    public String qemuName() {
        return qemuName;
    }

    public int leaf() {
        return leaf;
    }

    public int subleaf() {
        return subleaf;
    }

    public Register register() {
        return register;
    }

    public int bit() {
        return bit;
    }
}
