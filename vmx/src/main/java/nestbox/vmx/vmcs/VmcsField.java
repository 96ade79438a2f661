package nestbox.vmx.vmcs;

import java.util.List;
import java.util.Set;
import nestbox.vmx.capability.VmxFeature;

/**
 * The fields of a VMCS, one row each: encoding, the manual's name, and the features any of which brings the field (none:
 * every processor has it). Width, group and index follow from the encoding; a test holds the manual's rules against the
 * rows (SDM Vol. 3, Appendix "Field Encoding in VMCS"; section "VMREAD, VMWRITE, and Encodings of VMCS Fields").
 */
public enum VmcsField {
    // 16-bit control fields
    VIRTUAL_PROCESSOR_ID(0x0000, "Virtual-processor identifier (VPID)", VmxFeature.ENABLE_VPID),
    POSTED_INTR_NV(0x0002, "Posted-interrupt notification vector", VmxFeature.POSTED_INTERRUPTS),
    EPTP_INDEX(0x0004, "EPTP index", VmxFeature.EPT_VIOLATION_VE),
    HLAT_PREFIX_SIZE(0x0006, "HLAT prefix size", VmxFeature.ENABLE_HLAT),
    LAST_PID_POINTER_INDEX(0x0008, "Last PID-pointer index", VmxFeature.IPI_VIRTUALIZATION),
    VIRTUAL_TIMER_VECTOR(0x000a, "Virtual timer vector", Text.UNVERIFIED, VmxFeature.APIC_TIMER_VIRTUALIZATION),
    // 16-bit guest-state fields
    GUEST_ES_SELECTOR(0x0800, "Guest ES selector"),
    GUEST_CS_SELECTOR(0x0802, "Guest CS selector"),
    GUEST_SS_SELECTOR(0x0804, "Guest SS selector"),
    GUEST_DS_SELECTOR(0x0806, "Guest DS selector"),
    GUEST_FS_SELECTOR(0x0808, "Guest FS selector"),
    GUEST_GS_SELECTOR(0x080a, "Guest GS selector"),
    GUEST_LDTR_SELECTOR(0x080c, "Guest LDTR selector"),
    GUEST_TR_SELECTOR(0x080e, "Guest TR selector"),
    GUEST_INTR_STATUS(0x0810, "Guest interrupt status", VmxFeature.VIRTUAL_INTERRUPT_DELIVERY),
    GUEST_PML_INDEX(0x0812, "PML index", VmxFeature.ENABLE_PML),
    GUEST_UINV(0x0814, "Guest UINV", VmxFeature.ENTRY_LOAD_UINV, VmxFeature.CLEAR_UINV),
    // 16-bit host-state fields
    HOST_ES_SELECTOR(0x0c00, "Host ES selector"),
    HOST_CS_SELECTOR(0x0c02, "Host CS selector"),
    HOST_SS_SELECTOR(0x0c04, "Host SS selector"),
    HOST_DS_SELECTOR(0x0c06, "Host DS selector"),
    HOST_FS_SELECTOR(0x0c08, "Host FS selector"),
    HOST_GS_SELECTOR(0x0c0a, "Host GS selector"),
    HOST_TR_SELECTOR(0x0c0c, "Host TR selector"),
    // 64-bit control fields
    IO_BITMAP_A(0x2000, "Address of I/O bitmap A"),
    IO_BITMAP_B(0x2002, "Address of I/O bitmap B"),
    MSR_BITMAP(0x2004, "Address of MSR bitmaps", VmxFeature.MSR_BITMAPS),
    VM_EXIT_MSR_STORE_ADDR(0x2006, "VM-exit MSR-store address"),
    VM_EXIT_MSR_LOAD_ADDR(0x2008, "VM-exit MSR-load address"),
    VM_ENTRY_MSR_LOAD_ADDR(0x200a, "VM-entry MSR-load address"),
    EXECUTIVE_VMCS_POINTER(0x200c, "Executive-VMCS pointer"),
    PML_ADDRESS(0x200e, "PML address", VmxFeature.ENABLE_PML),
    TSC_OFFSET(0x2010, "TSC offset"),
    VIRTUAL_APIC_PAGE_ADDR(0x2012, "Virtual-APIC address", VmxFeature.TPR_SHADOW),
    APIC_ACCESS_ADDR(0x2014, "APIC-access address", VmxFeature.VIRTUALIZE_APIC_ACCESSES),
    POSTED_INTR_DESC_ADDR(0x2016, "Posted-interrupt descriptor address", VmxFeature.POSTED_INTERRUPTS),
    VM_FUNCTION_CONTROL(0x2018, "VM-function controls", VmxFeature.ENABLE_VM_FUNCTIONS),
    EPT_POINTER(0x201a, "EPT pointer (EPTP)", VmxFeature.ENABLE_EPT),
    EOI_EXIT_BITMAP0(0x201c, "EOI-exit bitmap 0", VmxFeature.VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP1(0x201e, "EOI-exit bitmap 1", VmxFeature.VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP2(0x2020, "EOI-exit bitmap 2", VmxFeature.VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP3(0x2022, "EOI-exit bitmap 3", VmxFeature.VIRTUAL_INTERRUPT_DELIVERY),
    EPTP_LIST_ADDRESS(0x2024, "EPTP-list address", VmxFeature.EPTP_SWITCHING),
    VMREAD_BITMAP(0x2026, "VMREAD-bitmap address", VmxFeature.VMCS_SHADOWING),
    VMWRITE_BITMAP(0x2028, "VMWRITE-bitmap address", VmxFeature.VMCS_SHADOWING),
    VE_INFORMATION_ADDRESS(0x202a, "Virtualization-exception information address", VmxFeature.EPT_VIOLATION_VE),
    XSS_EXIT_BITMAP(0x202c, "XSS-exiting bitmap", VmxFeature.ENABLE_XSAVES),
    ENCLS_EXITING_BITMAP(0x202e, "ENCLS-exiting bitmap", VmxFeature.ENCLS_EXITING),
    SPP_TABLE_POINTER(0x2030, "Sub-page-permission-table pointer", VmxFeature.SUB_PAGE_WRITE_PERMISSION),
    TSC_MULTIPLIER(0x2032, "TSC multiplier", VmxFeature.TSC_SCALING),
    TERTIARY_VM_EXEC_CONTROL(0x2034, "Tertiary processor-based VM-execution controls", VmxFeature.TERTIARY_CONTROLS),
    ENCLV_EXITING_BITMAP(0x2036, "ENCLV-exiting bitmap", Text.UNVERIFIED, VmxFeature.ENCLV_EXITING),
    LOW_PASID_DIRECTORY(0x2038, "Low PASID directory address", VmxFeature.PASID_TRANSLATION),
    HIGH_PASID_DIRECTORY(0x203a, "High PASID directory address", VmxFeature.PASID_TRANSLATION),
    PCONFIG_EXITING_BITMAP(0x203e, "PCONFIG-exiting bitmap", VmxFeature.ENABLE_PCONFIG),
    HLAT_POINTER(0x2040, "Hypervisor-managed linear-address translation pointer", VmxFeature.ENABLE_HLAT),
    PID_POINTER_TABLE(0x2042, "PID-pointer table address", VmxFeature.IPI_VIRTUALIZATION),
    SECONDARY_VM_EXIT_CONTROLS(0x2044, "Secondary VM-exit controls", VmxFeature.SECONDARY_EXIT_CONTROLS),
    SPEC_CTRL_MASK(0x204a, "IA32_SPEC_CTRL mask", VmxFeature.VIRTUALIZE_SPEC_CTRL),
    SPEC_CTRL_SHADOW(0x204c, "IA32_SPEC_CTRL shadow", VmxFeature.VIRTUALIZE_SPEC_CTRL),
    GUEST_DEADLINE_SHADOW(0x204e, "Guest deadline shadow", Text.UNVERIFIED, VmxFeature.APIC_TIMER_VIRTUALIZATION),
    INJECTED_EVENT_DATA(0x2052, "Injected-event data", VmxFeature.ENTRY_LOAD_FRED),
    // 64-bit read-only data fields
    GUEST_PHYSICAL_ADDRESS(0x2400, "Guest-physical address", VmxFeature.ENABLE_EPT),
    MSR_DATA(0x2402, "MSR data", VmxFeature.ENABLE_MSRLIST),
    ORIGINAL_EVENT_DATA(0x2404, "Original-event data", VmxFeature.ENTRY_LOAD_FRED),
    // 64-bit guest-state fields
    VMCS_LINK_POINTER(0x2800, "VMCS link pointer"),
    GUEST_IA32_DEBUGCTL(0x2802, "Guest IA32_DEBUGCTL"),
    GUEST_IA32_PAT(0x2804, "Guest IA32_PAT", VmxFeature.ENTRY_LOAD_PAT, VmxFeature.EXIT_SAVE_PAT),
    GUEST_IA32_EFER(0x2806, "Guest IA32_EFER", VmxFeature.ENTRY_LOAD_EFER, VmxFeature.EXIT_SAVE_EFER),
    GUEST_IA32_PERF_GLOBAL_CTRL(
            0x2808,
            "Guest IA32_PERF_GLOBAL_CTRL",
            VmxFeature.ENTRY_LOAD_PERF_GLOBAL_CTRL,
            VmxFeature.EXIT_SAVE_PERF_GLOBAL_CTRL),
    GUEST_PDPTE0(0x280a, "Guest PDPTE0", VmxFeature.ENABLE_EPT),
    GUEST_PDPTE1(0x280c, "Guest PDPTE1", VmxFeature.ENABLE_EPT),
    GUEST_PDPTE2(0x280e, "Guest PDPTE2", VmxFeature.ENABLE_EPT),
    GUEST_PDPTE3(0x2810, "Guest PDPTE3", VmxFeature.ENABLE_EPT),
    GUEST_BNDCFGS(0x2812, "Guest IA32_BNDCFGS", VmxFeature.ENTRY_LOAD_BNDCFGS, VmxFeature.CLEAR_BNDCFGS),
    GUEST_IA32_RTIT_CTL(0x2814, "Guest IA32_RTIT_CTL", VmxFeature.ENTRY_LOAD_RTIT_CTL, VmxFeature.CLEAR_RTIT_CTL),
    GUEST_IA32_LBR_CTL(0x2816, "Guest IA32_LBR_CTL", VmxFeature.ENTRY_LOAD_LBR_CTL, VmxFeature.CLEAR_LBR_CTL),
    GUEST_IA32_PKRS(0x2818, "Guest IA32_PKRS", VmxFeature.ENTRY_LOAD_PKRS),
    GUEST_FRED_CONFIG(0x281a, "Guest IA32_FRED_CONFIG", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_RSP1(0x281c, "Guest IA32_FRED_RSP1", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_RSP2(0x281e, "Guest IA32_FRED_RSP2", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_RSP3(0x2820, "Guest IA32_FRED_RSP3", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_STKLVLS(0x2822, "Guest IA32_FRED_STKLVLS", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_SSP1(0x2824, "Guest IA32_FRED_SSP1", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_SSP2(0x2826, "Guest IA32_FRED_SSP2", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_FRED_SSP3(0x2828, "Guest IA32_FRED_SSP3", VmxFeature.ENTRY_LOAD_FRED),
    GUEST_IA32_SPEC_CTRL(0x282e, "Guest IA32_SPEC_CTRL", Text.UNVERIFIED, VmxFeature.ENTRY_LOAD_SPEC_CTRL),
    GUEST_DEADLINE(0x2830, "Guest deadline", Text.UNVERIFIED, VmxFeature.APIC_TIMER_VIRTUALIZATION),
    // 64-bit host-state fields
    HOST_IA32_PAT(0x2c00, "Host IA32_PAT", VmxFeature.EXIT_LOAD_PAT),
    HOST_IA32_EFER(0x2c02, "Host IA32_EFER", VmxFeature.EXIT_LOAD_EFER),
    HOST_IA32_PERF_GLOBAL_CTRL(0x2c04, "Host IA32_PERF_GLOBAL_CTRL", VmxFeature.EXIT_LOAD_PERF_GLOBAL_CTRL),
    HOST_IA32_PKRS(0x2c06, "Host IA32_PKRS", VmxFeature.EXIT_LOAD_PKRS),
    HOST_FRED_CONFIG(0x2c08, "Host IA32_FRED_CONFIG", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_RSP1(0x2c0a, "Host IA32_FRED_RSP1", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_RSP2(0x2c0c, "Host IA32_FRED_RSP2", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_RSP3(0x2c0e, "Host IA32_FRED_RSP3", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_STKLVLS(0x2c10, "Host IA32_FRED_STKLVLS", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_SSP1(0x2c12, "Host IA32_FRED_SSP1", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_SSP2(0x2c14, "Host IA32_FRED_SSP2", VmxFeature.EXIT_LOAD_FRED),
    HOST_FRED_SSP3(0x2c16, "Host IA32_FRED_SSP3", VmxFeature.EXIT_LOAD_FRED),
    HOST_IA32_SPEC_CTRL(0x2c1a, "Host IA32_SPEC_CTRL", Text.UNVERIFIED, VmxFeature.EXIT_LOAD_SPEC_CTRL),
    // 32-bit control fields
    PIN_BASED_VM_EXEC_CONTROL(0x4000, "Pin-based VM-execution controls"),
    CPU_BASED_VM_EXEC_CONTROL(0x4002, "Primary processor-based VM-execution controls"),
    EXCEPTION_BITMAP(0x4004, "Exception bitmap"),
    PAGE_FAULT_ERROR_CODE_MASK(0x4006, "Page-fault error-code mask"),
    PAGE_FAULT_ERROR_CODE_MATCH(0x4008, "Page-fault error-code match"),
    CR3_TARGET_COUNT(0x400a, "CR3-target count"),
    VM_EXIT_CONTROLS(0x400c, "VM-exit controls"),
    VM_EXIT_MSR_STORE_COUNT(0x400e, "VM-exit MSR-store count"),
    VM_EXIT_MSR_LOAD_COUNT(0x4010, "VM-exit MSR-load count"),
    VM_ENTRY_CONTROLS(0x4012, "VM-entry controls"),
    VM_ENTRY_MSR_LOAD_COUNT(0x4014, "VM-entry MSR-load count"),
    VM_ENTRY_INTR_INFO(0x4016, "VM-entry interruption-information field"),
    VM_ENTRY_EXCEPTION_ERROR_CODE(0x4018, "VM-entry exception error code"),
    VM_ENTRY_INSTRUCTION_LEN(0x401a, "VM-entry instruction length"),
    TPR_THRESHOLD(0x401c, "TPR threshold", VmxFeature.TPR_SHADOW),
    SECONDARY_VM_EXEC_CONTROL(0x401e, "Secondary processor-based VM-execution controls", VmxFeature.SECONDARY_CONTROLS),
    PLE_GAP(0x4020, "PLE_Gap", VmxFeature.PAUSE_LOOP_EXITING),
    PLE_WINDOW(0x4022, "PLE_Window", VmxFeature.PAUSE_LOOP_EXITING),
    NOTIFY_WINDOW(0x4024, "Instruction-timeout control", VmxFeature.INSTRUCTION_TIMEOUT),
    // 32-bit read-only data fields
    VM_INSTRUCTION_ERROR(0x4400, "VM-instruction error"),
    VM_EXIT_REASON(0x4402, "Exit reason"),
    VM_EXIT_INTR_INFO(0x4404, "VM-exit interruption information"),
    VM_EXIT_INTR_ERROR_CODE(0x4406, "VM-exit interruption error code"),
    IDT_VECTORING_INFO_FIELD(0x4408, "IDT-vectoring information field"),
    IDT_VECTORING_ERROR_CODE(0x440a, "IDT-vectoring error code"),
    VM_EXIT_INSTRUCTION_LEN(0x440c, "VM-exit instruction length"),
    VMX_INSTRUCTION_INFO(0x440e, "VM-exit instruction information"),
    // 32-bit guest-state fields
    GUEST_ES_LIMIT(0x4800, "Guest ES limit"),
    GUEST_CS_LIMIT(0x4802, "Guest CS limit"),
    GUEST_SS_LIMIT(0x4804, "Guest SS limit"),
    GUEST_DS_LIMIT(0x4806, "Guest DS limit"),
    GUEST_FS_LIMIT(0x4808, "Guest FS limit"),
    GUEST_GS_LIMIT(0x480a, "Guest GS limit"),
    GUEST_LDTR_LIMIT(0x480c, "Guest LDTR limit"),
    GUEST_TR_LIMIT(0x480e, "Guest TR limit"),
    GUEST_GDTR_LIMIT(0x4810, "Guest GDTR limit"),
    GUEST_IDTR_LIMIT(0x4812, "Guest IDTR limit"),
    GUEST_ES_AR_BYTES(0x4814, "Guest ES access rights"),
    GUEST_CS_AR_BYTES(0x4816, "Guest CS access rights"),
    GUEST_SS_AR_BYTES(0x4818, "Guest SS access rights"),
    GUEST_DS_AR_BYTES(0x481a, "Guest DS access rights"),
    GUEST_FS_AR_BYTES(0x481c, "Guest FS access rights"),
    GUEST_GS_AR_BYTES(0x481e, "Guest GS access rights"),
    GUEST_LDTR_AR_BYTES(0x4820, "Guest LDTR access rights"),
    GUEST_TR_AR_BYTES(0x4822, "Guest TR access rights"),
    GUEST_INTERRUPTIBILITY_INFO(0x4824, "Guest interruptibility state"),
    GUEST_ACTIVITY_STATE(0x4826, "Guest activity state"),
    GUEST_SMBASE(0x4828, "Guest SMBASE"),
    GUEST_SYSENTER_CS(0x482a, "Guest IA32_SYSENTER_CS"),
    VMX_PREEMPTION_TIMER_VALUE(0x482e, "VMX-preemption timer value", VmxFeature.PREEMPTION_TIMER),
    // 32-bit host-state field
    HOST_IA32_SYSENTER_CS(0x4c00, "Host IA32_SYSENTER_CS"),
    // Natural-width control fields
    CR0_GUEST_HOST_MASK(0x6000, "CR0 guest/host mask"),
    CR4_GUEST_HOST_MASK(0x6002, "CR4 guest/host mask"),
    CR0_READ_SHADOW(0x6004, "CR0 read shadow"),
    CR4_READ_SHADOW(0x6006, "CR4 read shadow"),
    CR3_TARGET_VALUE0(0x6008, "CR3-target value 0"),
    CR3_TARGET_VALUE1(0x600a, "CR3-target value 1"),
    CR3_TARGET_VALUE2(0x600c, "CR3-target value 2"),
    CR3_TARGET_VALUE3(0x600e, "CR3-target value 3"),
    // Natural-width read-only data fields
    EXIT_QUALIFICATION(0x6400, "Exit qualification"),
    IO_RCX(0x6402, "I/O RCX"),
    IO_RSI(0x6404, "I/O RSI"),
    IO_RDI(0x6406, "I/O RDI"),
    IO_RIP(0x6408, "I/O RIP"),
    GUEST_LINEAR_ADDRESS(0x640a, "Guest-linear address"),
    // Natural-width guest-state fields
    GUEST_CR0(0x6800, "Guest CR0"),
    GUEST_CR3(0x6802, "Guest CR3"),
    GUEST_CR4(0x6804, "Guest CR4"),
    GUEST_ES_BASE(0x6806, "Guest ES base"),
    GUEST_CS_BASE(0x6808, "Guest CS base"),
    GUEST_SS_BASE(0x680a, "Guest SS base"),
    GUEST_DS_BASE(0x680c, "Guest DS base"),
    GUEST_FS_BASE(0x680e, "Guest FS base"),
    GUEST_GS_BASE(0x6810, "Guest GS base"),
    GUEST_LDTR_BASE(0x6812, "Guest LDTR base"),
    GUEST_TR_BASE(0x6814, "Guest TR base"),
    GUEST_GDTR_BASE(0x6816, "Guest GDTR base"),
    GUEST_IDTR_BASE(0x6818, "Guest IDTR base"),
    GUEST_DR7(0x681a, "Guest DR7"),
    GUEST_RSP(0x681c, "Guest RSP"),
    GUEST_RIP(0x681e, "Guest RIP"),
    GUEST_RFLAGS(0x6820, "Guest RFLAGS"),
    GUEST_PENDING_DBG_EXCEPTIONS(0x6822, "Guest pending debug exceptions"),
    GUEST_SYSENTER_ESP(0x6824, "Guest IA32_SYSENTER_ESP"),
    GUEST_SYSENTER_EIP(0x6826, "Guest IA32_SYSENTER_EIP"),
    GUEST_S_CET(0x6828, "Guest IA32_S_CET", VmxFeature.ENTRY_LOAD_CET),
    GUEST_SSP(0x682a, "Guest SSP", VmxFeature.ENTRY_LOAD_CET),
    GUEST_INTR_SSP_TABLE(0x682c, "Guest IA32_INTERRUPT_SSP_TABLE_ADDR", VmxFeature.ENTRY_LOAD_CET),
    // Natural-width host-state fields
    HOST_CR0(0x6c00, "Host CR0"),
    HOST_CR3(0x6c02, "Host CR3"),
    HOST_CR4(0x6c04, "Host CR4"),
    HOST_FS_BASE(0x6c06, "Host FS base"),
    HOST_GS_BASE(0x6c08, "Host GS base"),
    HOST_TR_BASE(0x6c0a, "Host TR base"),
    HOST_GDTR_BASE(0x6c0c, "Host GDTR base"),
    HOST_IDTR_BASE(0x6c0e, "Host IDTR base"),
    HOST_IA32_SYSENTER_ESP(0x6c10, "Host IA32_SYSENTER_ESP"),
    HOST_IA32_SYSENTER_EIP(0x6c12, "Host IA32_SYSENTER_EIP"),
    HOST_RSP(0x6c14, "Host RSP"),
    HOST_RIP(0x6c16, "Host RIP"),
    HOST_S_CET(0x6c18, "Host IA32_S_CET", VmxFeature.EXIT_LOAD_CET),
    HOST_SSP(0x6c1a, "Host SSP", VmxFeature.EXIT_LOAD_CET),
    HOST_INTR_SSP_TABLE(0x6c1c, "Host IA32_INTERRUPT_SSP_TABLE_ADDR", VmxFeature.EXIT_LOAD_CET);

    /** What a field is for: bits 11:10 of its encoding. */
    public enum Group {
        CONTROL,
        READ_ONLY,
        GUEST_STATE,
        HOST_STATE
    }

    /** Bits 14:13 of the encoding. */
    public enum Width {
        BITS_16(2),
        BITS_64(8),
        BITS_32(4),
        NATURAL(8);

        private final int bytes;

        Width(int bytes) {
            this.bytes = bytes;
        }

        /** Size on a processor with Intel 64. */
        public int bytes() {
            return bytes;
        }
    }

    /** Whether the manual's text behind a row was read. */
    private enum Text {
        READ,
        UNVERIFIED
    }

    private static final int INDICES = 64;
    private static final VmcsField[] ALL = values();
    /** Also by the encoding of the upper half of a 64-bit field. */
    private static final VmcsField[] BY_SLOT = new VmcsField[2 * 16 * INDICES];

    static {
        for (VmcsField field : ALL) {
            BY_SLOT[slot(field.encoding)] = field;
            if (field.width() == Width.BITS_64) {
                BY_SLOT[slot(field.encoding | 1)] = field;
            }
        }
    }

    private final int encoding;
    private final String title;
    private final Text text;
    private final List<VmxFeature> bringers;
    private final long mask;

    VmcsField(int encoding, String title, VmxFeature... bringers) {
        this(encoding, title, Text.READ, bringers);
    }

    VmcsField(int encoding, String title, Text text, VmxFeature... bringers) {
        this.encoding = encoding;
        this.title = title;
        this.text = text;
        this.bringers = List.of(bringers);
        this.mask = -1L >>> (64 - 8 * width(encoding).bytes());
    }

    /**
     * The row of an encoding as VMREAD takes it, either access type; null if no row has it. Whether a processor has the
     * field is another question, see {@link #exists}.
     */
    public static VmcsField byEncoding(long encoding) {
        if ((encoding & ~0x6fffL) != 0 || (encoding >>> 1 & 0x1ff) >= INDICES) {
            return null;
        }
        return BY_SLOT[slot((int) encoding)];
    }

    /** Number of rows; ordinals are below it. */
    public static int count() {
        return ALL.length;
    }

    /** The encoding with access type "full". */
    public int encoding() {
        return encoding;
    }

    public String title() {
        return title;
    }

    /** Bits 9:1 of the encoding. */
    public int index() {
        return encoding >>> 1 & 0x1ff;
    }

    public Width width() {
        return width(encoding);
    }

    public Group group() {
        return switch (encoding >>> 10 & 3) {
            case 0 -> Group.CONTROL;
            case 1 -> Group.READ_ONLY;
            case 2 -> Group.GUEST_STATE;
            default -> Group.HOST_STATE;
        };
    }

    /** The bits that the field has on a processor with Intel 64. */
    public long mask() {
        return mask;
    }

    /** Whether a processor with these features has the field. */
    public boolean exists(Set<VmxFeature> features) {
        return bringers.isEmpty() || bringers.stream().anyMatch(features::contains);
    }

    /** The features any of which brings the field; none: it always exists. */
    public List<VmxFeature> bringers() {
        return bringers;
    }

    /** False for a row of which the manual's text could not be read. */
    public boolean verified() {
        return text == Text.READ;
    }

    private static Width width(int encoding) {
        return switch (encoding >>> 13 & 3) {
            case 0 -> Width.BITS_16;
            case 1 -> Width.BITS_64;
            case 2 -> Width.BITS_32;
            default -> Width.NATURAL;
        };
    }

    private static int slot(int encoding) {
        return ((encoding >>> 13 & 3) << 2 | encoding >>> 10 & 3) * 2 * INDICES + (encoding & 2 * INDICES - 1);
    }
}
