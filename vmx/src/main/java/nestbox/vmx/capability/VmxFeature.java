package nestbox.vmx.capability;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Every bit of VMX that a processor may have or lack, one row each: controls, and the plain bits of IA32_VMX_BASIC,
 * IA32_VMX_MISC, IA32_VMX_EPT_VPID_CAP and IA32_VMX_VMFUNC (SDM Vol. 3, Appendix "VMX Capability Reporting Facility";
 * chapter "Virtual Machine Control Structures", sections on the control fields). Names are QEMU's where QEMU has one.
 *
 * <p>For a control the row says that its 1-setting is allowed; for a control of the default1 class (QEMU's
 * {@code -noexit}, {@code -nosave-}, {@code -noload-} names) that its 0-setting is allowed.
 */
public enum VmxFeature {
    // BASIC
    INS_OUTS_INFORMATION(CapabilityWord.BASIC, 54, "vmx-ins-outs", "instruction information for INS and OUTS"),
    TRUE_CONTROLS(CapabilityWord.BASIC, 55, "vmx-true-ctls", "true-control capability MSRs"),
    ANY_ERROR_CODE(
            CapabilityWord.BASIC, 56, "vmx-any-errcode", "hardware exceptions injected with or without error code"),
    DUAL_MONITOR(CapabilityWord.BASIC, 49, "vmx-dual-monitor", "dual-monitor treatment of SMIs and SMM", false),
    NESTED_EXCEPTION(CapabilityWord.BASIC, 58, "vmx-nested-exception", "nested-exception indication (FRED)", false),
    // PIN
    EXTERNAL_INTERRUPT_EXITING(CapabilityWord.PIN, 0, "vmx-intr-exit", "external-interrupt exiting"),
    NMI_EXITING(CapabilityWord.PIN, 3, "vmx-nmi-exit", "NMI exiting"),
    VIRTUAL_NMIS(CapabilityWord.PIN, 5, "vmx-vnmi", "virtual NMIs"),
    PREEMPTION_TIMER(CapabilityWord.PIN, 6, "vmx-preemption-timer", "activate VMX-preemption timer"),
    POSTED_INTERRUPTS(CapabilityWord.PIN, 7, "vmx-posted-intr", "process posted interrupts"),
    // PRIMARY
    INTERRUPT_WINDOW_EXITING(CapabilityWord.PRIMARY, 2, "vmx-vintr-pending", "interrupt-window exiting"),
    TSC_OFFSETTING(CapabilityWord.PRIMARY, 3, "vmx-tsc-offset", "use TSC offsetting"),
    HLT_EXITING(CapabilityWord.PRIMARY, 7, "vmx-hlt-exit", "HLT exiting"),
    INVLPG_EXITING(CapabilityWord.PRIMARY, 9, "vmx-invlpg-exit", "INVLPG exiting"),
    MWAIT_EXITING(CapabilityWord.PRIMARY, 10, "vmx-mwait-exit", "MWAIT exiting"),
    RDPMC_EXITING(CapabilityWord.PRIMARY, 11, "vmx-rdpmc-exit", "RDPMC exiting"),
    RDTSC_EXITING(CapabilityWord.PRIMARY, 12, "vmx-rdtsc-exit", "RDTSC exiting"),
    CR3_LOAD_EXITING(CapabilityWord.PRIMARY, 15, "vmx-cr3-load-noexit", "CR3-load exiting"),
    CR3_STORE_EXITING(CapabilityWord.PRIMARY, 16, "vmx-cr3-store-noexit", "CR3-store exiting"),
    TERTIARY_CONTROLS(CapabilityWord.PRIMARY, 17, "vmx-tertiary-ctls", "activate tertiary controls"),
    CR8_LOAD_EXITING(CapabilityWord.PRIMARY, 19, "vmx-cr8-load-exit", "CR8-load exiting"),
    CR8_STORE_EXITING(CapabilityWord.PRIMARY, 20, "vmx-cr8-store-exit", "CR8-store exiting"),
    TPR_SHADOW(CapabilityWord.PRIMARY, 21, "vmx-flexpriority", "use TPR shadow"),
    NMI_WINDOW_EXITING(CapabilityWord.PRIMARY, 22, "vmx-vnmi-pending", "NMI-window exiting"),
    MOV_DR_EXITING(CapabilityWord.PRIMARY, 23, "vmx-movdr-exit", "MOV-DR exiting"),
    UNCONDITIONAL_IO_EXITING(CapabilityWord.PRIMARY, 24, "vmx-io-exit", "unconditional I/O exiting"),
    IO_BITMAPS(CapabilityWord.PRIMARY, 25, "vmx-io-bitmap", "use I/O bitmaps"),
    MONITOR_TRAP_FLAG(CapabilityWord.PRIMARY, 27, "vmx-mtf", "monitor trap flag"),
    MSR_BITMAPS(CapabilityWord.PRIMARY, 28, "vmx-msr-bitmap", "use MSR bitmaps"),
    MONITOR_EXITING(CapabilityWord.PRIMARY, 29, "vmx-monitor-exit", "MONITOR exiting"),
    PAUSE_EXITING(CapabilityWord.PRIMARY, 30, "vmx-pause-exit", "PAUSE exiting"),
    SECONDARY_CONTROLS(CapabilityWord.PRIMARY, 31, "vmx-secondary-ctls", "activate secondary controls"),
    // SECONDARY
    VIRTUALIZE_APIC_ACCESSES(CapabilityWord.SECONDARY, 0, "vmx-apicv-xapic", "virtualize APIC accesses"),
    ENABLE_EPT(CapabilityWord.SECONDARY, 1, "vmx-ept", "enable EPT"),
    DESCRIPTOR_TABLE_EXITING(CapabilityWord.SECONDARY, 2, "vmx-desc-exit", "descriptor-table exiting"),
    ENABLE_RDTSCP(CapabilityWord.SECONDARY, 3, "vmx-rdtscp-exit", "enable RDTSCP"),
    VIRTUALIZE_X2APIC_MODE(CapabilityWord.SECONDARY, 4, "vmx-apicv-x2apic", "virtualize x2APIC mode"),
    ENABLE_VPID(CapabilityWord.SECONDARY, 5, "vmx-vpid", "enable VPID"),
    WBINVD_EXITING(CapabilityWord.SECONDARY, 6, "vmx-wbinvd-exit", "WBINVD exiting"),
    UNRESTRICTED_GUEST(CapabilityWord.SECONDARY, 7, "vmx-unrestricted-guest", "unrestricted guest"),
    APIC_REGISTER_VIRTUALIZATION(CapabilityWord.SECONDARY, 8, "vmx-apicv-register", "APIC-register virtualization"),
    VIRTUAL_INTERRUPT_DELIVERY(CapabilityWord.SECONDARY, 9, "vmx-apicv-vid", "virtual-interrupt delivery"),
    PAUSE_LOOP_EXITING(CapabilityWord.SECONDARY, 10, "vmx-ple", "PAUSE-loop exiting"),
    RDRAND_EXITING(CapabilityWord.SECONDARY, 11, "vmx-rdrand-exit", "RDRAND exiting"),
    ENABLE_INVPCID(CapabilityWord.SECONDARY, 12, "vmx-invpcid-exit", "enable INVPCID"),
    ENABLE_VM_FUNCTIONS(CapabilityWord.SECONDARY, 13, "vmx-vmfunc", "enable VM functions"),
    VMCS_SHADOWING(CapabilityWord.SECONDARY, 14, "vmx-shadow-vmcs", "VMCS shadowing"),
    ENCLS_EXITING(CapabilityWord.SECONDARY, 15, "vmx-encls-exit", "enable ENCLS exiting", false),
    RDSEED_EXITING(CapabilityWord.SECONDARY, 16, "vmx-rdseed-exit", "RDSEED exiting"),
    ENABLE_PML(CapabilityWord.SECONDARY, 17, "vmx-pml", "enable PML"),
    EPT_VIOLATION_VE(CapabilityWord.SECONDARY, 18, "vmx-ept-ve", "EPT-violation #VE"),
    CONCEAL_VMX_FROM_PT(CapabilityWord.SECONDARY, 19, "vmx-pt-conceal", "conceal VMX from PT", false),
    ENABLE_XSAVES(CapabilityWord.SECONDARY, 20, "vmx-xsaves", "enable XSAVES/XRSTORS"),
    PASID_TRANSLATION(CapabilityWord.SECONDARY, 21, "vmx-pasid-translation", "PASID translation", false),
    MODE_BASED_EXECUTE(CapabilityWord.SECONDARY, 22, "vmx-mbec", "mode-based execute control for EPT"),
    SUB_PAGE_WRITE_PERMISSION(CapabilityWord.SECONDARY, 23, "vmx-spp", "sub-page write permissions for EPT"),
    PT_GUEST_PHYSICAL(CapabilityWord.SECONDARY, 24, "vmx-pt-gpa", "Intel PT uses guest physical addresses", false),
    TSC_SCALING(CapabilityWord.SECONDARY, 25, "vmx-tsc-scaling", "use TSC scaling"),
    USER_WAIT_AND_PAUSE(CapabilityWord.SECONDARY, 26, "vmx-enable-user-wait-pause", "enable user wait and pause"),
    ENABLE_PCONFIG(CapabilityWord.SECONDARY, 27, "vmx-pconfig", "enable PCONFIG", false),
    ENCLV_EXITING(CapabilityWord.SECONDARY, 28, "vmx-enclv-exit", "enable ENCLV exiting", false),
    BUS_LOCK_DETECTION(CapabilityWord.SECONDARY, 30, "vmx-bus-lock-detection", "VMM bus-lock detection"),
    INSTRUCTION_TIMEOUT(CapabilityWord.SECONDARY, 31, "vmx-notify", "instruction timeout"),
    // TERTIARY
    LOADIWKEY_EXITING(CapabilityWord.TERTIARY, 0, "vmx-loadiwkey-exit", "LOADIWKEY exiting", false),
    ENABLE_HLAT(CapabilityWord.TERTIARY, 1, "vmx-hlat", "enable HLAT", false),
    EPT_PAGING_WRITE(CapabilityWord.TERTIARY, 2, "vmx-ept-paging-write", "EPT paging-write control", false),
    GUEST_PAGING_VERIFICATION(
            CapabilityWord.TERTIARY, 3, "vmx-guest-paging-verification", "guest-paging verification", false),
    IPI_VIRTUALIZATION(CapabilityWord.TERTIARY, 4, "vmx-ipi-virt", "IPI virtualization", false),
    ENABLE_MSRLIST(CapabilityWord.TERTIARY, 6, "vmx-msrlist", "enable MSR-list instructions", false),
    VIRTUALIZE_SPEC_CTRL(CapabilityWord.TERTIARY, 7, "vmx-spec-ctrl", "virtualize IA32_SPEC_CTRL"),
    APIC_TIMER_VIRTUALIZATION(CapabilityWord.TERTIARY, 8, "vmx-apic-timer", "APIC-timer virtualization", false),
    // EXIT
    SAVE_DEBUG_CONTROLS(CapabilityWord.EXIT, 2, "vmx-exit-nosave-debugctl", "save debug controls"),
    HOST_ADDRESS_SPACE_SIZE(CapabilityWord.EXIT, 9, "vmx-exit-host-addr-space-size", "host address-space size"),
    EXIT_LOAD_PERF_GLOBAL_CTRL(CapabilityWord.EXIT, 12, "vmx-exit-load-perf-global-ctrl", "load IA32_PERF_GLOBAL_CTRL"),
    ACKNOWLEDGE_INTERRUPT(CapabilityWord.EXIT, 15, "vmx-exit-ack-intr", "acknowledge interrupt on exit"),
    EXIT_SAVE_PAT(CapabilityWord.EXIT, 18, "vmx-exit-save-pat", "save IA32_PAT"),
    EXIT_LOAD_PAT(CapabilityWord.EXIT, 19, "vmx-exit-load-pat", "load IA32_PAT"),
    EXIT_SAVE_EFER(CapabilityWord.EXIT, 20, "vmx-exit-save-efer", "save IA32_EFER"),
    EXIT_LOAD_EFER(CapabilityWord.EXIT, 21, "vmx-exit-load-efer", "load IA32_EFER"),
    SAVE_PREEMPTION_TIMER(CapabilityWord.EXIT, 22, "vmx-exit-save-preemption-timer", "save VMX-preemption timer value"),
    CLEAR_BNDCFGS(CapabilityWord.EXIT, 23, "vmx-exit-clear-bndcfgs", "clear IA32_BNDCFGS"),
    EXIT_CONCEAL_PT(CapabilityWord.EXIT, 24, "vmx-exit-pt-conceal", "conceal VMX from PT", false),
    CLEAR_RTIT_CTL(CapabilityWord.EXIT, 25, "vmx-exit-clear-rtit-ctl", "clear IA32_RTIT_CTL", false),
    CLEAR_LBR_CTL(CapabilityWord.EXIT, 26, "vmx-exit-clear-lbr-ctl", "clear IA32_LBR_CTL", false),
    CLEAR_UINV(CapabilityWord.EXIT, 27, "vmx-exit-clear-uinv", "clear UINV", false),
    EXIT_LOAD_CET(CapabilityWord.EXIT, 28, "vmx-exit-load-cet", "load CET state"),
    EXIT_LOAD_PKRS(CapabilityWord.EXIT, 29, "vmx-exit-load-pkrs", "load PKRS"),
    EXIT_SAVE_PERF_GLOBAL_CTRL(CapabilityWord.EXIT, 30, "vmx-exit-save-perf-global-ctrl", "save IA32_PERF_GLOBAL_CTRL"),
    SECONDARY_EXIT_CONTROLS(CapabilityWord.EXIT, 31, "vmx-exit-secondary-ctls", "activate secondary controls"),
    // EXIT2
    SAVE_FRED(CapabilityWord.EXIT2, 0, "vmx-exit-save-fred", "save IA32_FRED", false),
    EXIT_LOAD_FRED(CapabilityWord.EXIT2, 1, "vmx-exit-load-fred", "load IA32_FRED", false),
    EXIT_LOAD_SPEC_CTRL(CapabilityWord.EXIT2, 2, "vmx-exit-load-spec-ctrl", "load IA32_SPEC_CTRL", false),
    PREMATURELY_BUSY_SHADOW_STACK(
            CapabilityWord.EXIT2, 3, "vmx-exit-busy-shadow-stack", "prematurely busy shadow stack", false),
    // ENTRY
    LOAD_DEBUG_CONTROLS(CapabilityWord.ENTRY, 2, "vmx-entry-noload-debugctl", "load debug controls"),
    IA32E_MODE_GUEST(CapabilityWord.ENTRY, 9, "vmx-entry-ia32e-mode", "IA-32e mode guest"),
    ENTRY_TO_SMM(CapabilityWord.ENTRY, 10, "vmx-entry-smm", "entry to SMM", false),
    DEACTIVATE_DUAL_MONITOR(
            CapabilityWord.ENTRY, 11, "vmx-entry-deactivate-dual-monitor", "deactivate dual-monitor treatment", false),
    ENTRY_LOAD_PERF_GLOBAL_CTRL(
            CapabilityWord.ENTRY, 13, "vmx-entry-load-perf-global-ctrl", "load IA32_PERF_GLOBAL_CTRL"),
    ENTRY_LOAD_PAT(CapabilityWord.ENTRY, 14, "vmx-entry-load-pat", "load IA32_PAT"),
    ENTRY_LOAD_EFER(CapabilityWord.ENTRY, 15, "vmx-entry-load-efer", "load IA32_EFER"),
    ENTRY_LOAD_BNDCFGS(CapabilityWord.ENTRY, 16, "vmx-entry-load-bndcfgs", "load IA32_BNDCFGS"),
    ENTRY_CONCEAL_PT(CapabilityWord.ENTRY, 17, "vmx-entry-pt-conceal", "conceal VMX from PT", false),
    ENTRY_LOAD_RTIT_CTL(CapabilityWord.ENTRY, 18, "vmx-entry-load-rtit-ctl", "load IA32_RTIT_CTL", false),
    ENTRY_LOAD_UINV(CapabilityWord.ENTRY, 19, "vmx-entry-load-uinv", "load UINV", false),
    ENTRY_LOAD_CET(CapabilityWord.ENTRY, 20, "vmx-entry-load-cet", "load CET state"),
    ENTRY_LOAD_LBR_CTL(CapabilityWord.ENTRY, 21, "vmx-entry-load-lbr-ctl", "load guest IA32_LBR_CTL", false),
    ENTRY_LOAD_PKRS(CapabilityWord.ENTRY, 22, "vmx-entry-load-pkrs", "load PKRS"),
    ENTRY_LOAD_FRED(CapabilityWord.ENTRY, 23, "vmx-entry-load-fred", "load IA32_FRED", false),
    ENTRY_LOAD_SPEC_CTRL(CapabilityWord.ENTRY, 24, "vmx-entry-load-spec-ctrl", "load IA32_SPEC_CTRL", false),
    // MISC
    STORE_LMA(CapabilityWord.MISC, 5, "vmx-store-lma", "VM exits store EFER.LMA into the IA-32e mode guest control"),
    ACTIVITY_HLT(CapabilityWord.MISC, 6, "vmx-activity-hlt", "activity state HLT"),
    ACTIVITY_SHUTDOWN(CapabilityWord.MISC, 7, "vmx-activity-shutdown", "activity state shutdown"),
    ACTIVITY_WAIT_FOR_SIPI(CapabilityWord.MISC, 8, "vmx-activity-wait-sipi", "activity state wait-for-SIPI"),
    PT_IN_VMX(CapabilityWord.MISC, 14, "vmx-pt", "Intel PT in VMX operation", false),
    SMBASE_MSR(CapabilityWord.MISC, 15, "vmx-smbase-msr", "IA32_SMBASE readable in SMM", false),
    SMM_MONITOR_VMXOFF(
            CapabilityWord.MISC,
            28,
            "vmx-smm-monitor-vmxoff",
            "VMXOFF unblocks SMIs as IA32_SMM_MONITOR_CTL says",
            false),
    VMWRITE_EXIT_FIELDS(CapabilityWord.MISC, 29, "vmx-vmwrite-vmexit-fields", "VMWRITE to VM-exit information fields"),
    ZERO_LENGTH_INJECTION(CapabilityWord.MISC, 30, "vmx-zero-len-inject", "injection with instruction length 0"),
    // EPT_VPID
    EPT_EXECUTE_ONLY(CapabilityWord.EPT_VPID, 0, "vmx-ept-execonly", "execute-only EPT translations"),
    EPT_WALK_4(CapabilityWord.EPT_VPID, 6, "vmx-page-walk-4", "EPT page-walk length 4"),
    EPT_WALK_5(CapabilityWord.EPT_VPID, 7, "vmx-page-walk-5", "EPT page-walk length 5"),
    EPT_UNCACHEABLE(CapabilityWord.EPT_VPID, 8, "vmx-ept-uc", "EPT paging-structure memory type UC"),
    EPT_WRITE_BACK(CapabilityWord.EPT_VPID, 14, "vmx-ept-wb", "EPT paging-structure memory type WB"),
    EPT_2MB(CapabilityWord.EPT_VPID, 16, "vmx-ept-2mb", "2-MByte EPT pages"),
    EPT_1GB(CapabilityWord.EPT_VPID, 17, "vmx-ept-1gb", "1-GByte EPT pages"),
    INVEPT(CapabilityWord.EPT_VPID, 20, "vmx-invept", "INVEPT"),
    EPT_ACCESSED_DIRTY(CapabilityWord.EPT_VPID, 21, "vmx-eptad", "accessed and dirty flags for EPT"),
    EPT_ADVANCED_EXIT_INFORMATION(
            CapabilityWord.EPT_VPID,
            22,
            "vmx-ept-advanced-exitinfo",
            "advanced VM-exit information for EPT violations"),
    EPT_SUPERVISOR_SHADOW_STACK(CapabilityWord.EPT_VPID, 23, "vmx-ept-sss", "supervisor shadow-stack control", false),
    INVEPT_SINGLE(CapabilityWord.EPT_VPID, 25, "vmx-invept-single-context", "single-context INVEPT"),
    INVEPT_ALL(CapabilityWord.EPT_VPID, 26, "vmx-invept-all-context", "all-context INVEPT"),
    INVVPID(CapabilityWord.EPT_VPID, 32, "vmx-invvpid", "INVVPID"),
    INVVPID_ADDRESS(CapabilityWord.EPT_VPID, 40, "vmx-invvpid-single-addr", "individual-address INVVPID"),
    INVVPID_SINGLE(CapabilityWord.EPT_VPID, 41, "vmx-invvpid-single-context", "single-context INVVPID"),
    INVVPID_ALL(CapabilityWord.EPT_VPID, 42, "vmx-invvpid-all-context", "all-context INVVPID"),
    INVVPID_SINGLE_RETAINING_GLOBALS(
            CapabilityWord.EPT_VPID,
            43,
            "vmx-invvpid-single-context-noglobals",
            "single-context-retaining-globals INVVPID"),
    // VMFUNC
    EPTP_SWITCHING(CapabilityWord.VMFUNC, 0, "vmx-eptp-switching", "EPTP switching");

    private static final Map<String, VmxFeature> BY_NAME = new HashMap<>();

    static {
        for (VmxFeature feature : values()) {
            BY_NAME.put(feature.qemuName, feature);
        }
        // QEMU 7.2 names these two bits of INVVPID after INVEPT; the first name is taken by INVEPT itself.
        BY_NAME.put("vmx-invept-single-context-noglobals", INVVPID_SINGLE_RETAINING_GLOBALS);
    }

    private final CapabilityWord word;
    private final int bit;
    private final String qemuName;
    private final String title;
    private final boolean implemented;

    VmxFeature(CapabilityWord word, int bit, String qemuName, String title) {
        this(word, bit, qemuName, title, true);
    }

    VmxFeature(CapabilityWord word, int bit, String qemuName, String title, boolean implemented) {
        this.word = word;
        this.bit = bit;
        this.qemuName = qemuName;
        this.title = title;
        this.implemented = implemented;
    }

    /** The feature of that name ({@code _} and {@code -} are the same), or null. */
    public static VmxFeature byName(String name) {
        return BY_NAME.get(name.toLowerCase(Locale.ROOT).replace('_', '-'));
    }

    public CapabilityWord word() {
        return word;
    }

    public int bit() {
        return bit;
    }

    /** The feature's bit in its word. */
    public long mask() {
        return 1L << bit;
    }

    public String qemuName() {
        return qemuName;
    }

    /** The manual's name. */
    public String title() {
        return title;
    }

    /** False for what Nestbox refuses: no model ever reports it, and the support table lists it. */
    public boolean implemented() {
        return implemented;
    }

    /** Whether this is a control of the default1 class, so that the row is about its 0-setting. */
    public boolean default1() {
        return bit < 32 && (word.default1() >>> bit & 1) != 0;
    }
}
