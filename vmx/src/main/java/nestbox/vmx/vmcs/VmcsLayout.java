package nestbox.vmx.vmcs;

/**
 * Where a field lies in the 4-KByte region of a VMCS. To software the layout is opaque; what counts is that a saved nested state of
 * KVM's has it, which fixes it for good. So a field that KVM's {@code struct vmcs12} has lies where KVM has it (Linux,
 * arch/x86/kvm/vmx/vmcs12.h, {@code vmx_check_vmcs12_offsets}: each row below is a run of its fields), and any other behind them, the
 * 8-byte fields first, then 4-byte and 2-byte ones, each kind in the table's order. A field has the same place on every model, whether or
 * not the model has the field. Little-endian.
 *
 * <p>SDM Vol. 3, section "Format of the VMCS Region".
 */
public final class VmcsLayout {
    public static final int REVISION = 0;
    /** Bytes of a region. */
    public static final int REGION = 4096;

    public static final int ABORT_INDICATOR = 4;
    public static final int LAUNCH_STATE = 8;

    /** Bit 31 of the first word: the region is a shadow VMCS. */
    public static final int SHADOW_INDICATOR = 1 << 31;

    /** Where fields begin that KVM lacks. */
    private static final int OTHERS = 1024;

    private static final int[] OFFSETS = new int[VmcsField.count()];
    private static final int END;

    static {
        kvm();
        int next = OTHERS;
        for (int bytes = 8; bytes >= 2; bytes >>= 1) {
            for (VmcsField field : VmcsField.values()) {
                if (field.width().bytes() == bytes && OFFSETS[field.ordinal()] == 0) {
                    OFFSETS[field.ordinal()] = next;
                    next += bytes;
                }
            }
        }
        END = next;
    }

    private VmcsLayout() {}

    private static void kvm() {
        run(
                40,
                VmcsField.IO_BITMAP_A,
                VmcsField.IO_BITMAP_B,
                VmcsField.MSR_BITMAP,
                VmcsField.VM_EXIT_MSR_STORE_ADDR,
                VmcsField.VM_EXIT_MSR_LOAD_ADDR,
                VmcsField.VM_ENTRY_MSR_LOAD_ADDR,
                VmcsField.TSC_OFFSET,
                VmcsField.VIRTUAL_APIC_PAGE_ADDR,
                VmcsField.APIC_ACCESS_ADDR,
                VmcsField.POSTED_INTR_DESC_ADDR,
                VmcsField.EPT_POINTER,
                VmcsField.EOI_EXIT_BITMAP0,
                VmcsField.EOI_EXIT_BITMAP1,
                VmcsField.EOI_EXIT_BITMAP2,
                VmcsField.EOI_EXIT_BITMAP3,
                VmcsField.XSS_EXIT_BITMAP,
                VmcsField.GUEST_PHYSICAL_ADDRESS,
                VmcsField.VMCS_LINK_POINTER,
                VmcsField.GUEST_IA32_DEBUGCTL,
                VmcsField.GUEST_IA32_PAT,
                VmcsField.GUEST_IA32_EFER,
                VmcsField.GUEST_IA32_PERF_GLOBAL_CTRL,
                VmcsField.GUEST_PDPTE0,
                VmcsField.GUEST_PDPTE1,
                VmcsField.GUEST_PDPTE2,
                VmcsField.GUEST_PDPTE3,
                VmcsField.GUEST_BNDCFGS,
                VmcsField.HOST_IA32_PAT,
                VmcsField.HOST_IA32_EFER,
                VmcsField.HOST_IA32_PERF_GLOBAL_CTRL,
                VmcsField.VMREAD_BITMAP,
                VmcsField.VMWRITE_BITMAP,
                VmcsField.VM_FUNCTION_CONTROL,
                VmcsField.EPTP_LIST_ADDRESS,
                VmcsField.PML_ADDRESS,
                VmcsField.ENCLS_EXITING_BITMAP,
                VmcsField.TSC_MULTIPLIER);
        run(
                344,
                VmcsField.CR0_GUEST_HOST_MASK,
                VmcsField.CR4_GUEST_HOST_MASK,
                VmcsField.CR0_READ_SHADOW,
                VmcsField.CR4_READ_SHADOW,
                VmcsField.CR3_TARGET_VALUE0,
                VmcsField.CR3_TARGET_VALUE1,
                VmcsField.CR3_TARGET_VALUE2,
                VmcsField.CR3_TARGET_VALUE3,
                VmcsField.EXIT_QUALIFICATION,
                VmcsField.GUEST_LINEAR_ADDRESS,
                VmcsField.GUEST_CR0,
                VmcsField.GUEST_CR3,
                VmcsField.GUEST_CR4,
                VmcsField.GUEST_ES_BASE,
                VmcsField.GUEST_CS_BASE,
                VmcsField.GUEST_SS_BASE,
                VmcsField.GUEST_DS_BASE,
                VmcsField.GUEST_FS_BASE,
                VmcsField.GUEST_GS_BASE,
                VmcsField.GUEST_LDTR_BASE,
                VmcsField.GUEST_TR_BASE,
                VmcsField.GUEST_GDTR_BASE,
                VmcsField.GUEST_IDTR_BASE,
                VmcsField.GUEST_DR7,
                VmcsField.GUEST_RSP,
                VmcsField.GUEST_RIP,
                VmcsField.GUEST_RFLAGS,
                VmcsField.GUEST_PENDING_DBG_EXCEPTIONS,
                VmcsField.GUEST_SYSENTER_ESP,
                VmcsField.GUEST_SYSENTER_EIP,
                VmcsField.HOST_CR0,
                VmcsField.HOST_CR3,
                VmcsField.HOST_CR4,
                VmcsField.HOST_FS_BASE,
                VmcsField.HOST_GS_BASE,
                VmcsField.HOST_TR_BASE,
                VmcsField.HOST_GDTR_BASE,
                VmcsField.HOST_IDTR_BASE,
                VmcsField.HOST_IA32_SYSENTER_ESP,
                VmcsField.HOST_IA32_SYSENTER_EIP,
                VmcsField.HOST_RSP,
                VmcsField.HOST_RIP,
                VmcsField.HOST_S_CET,
                VmcsField.HOST_SSP,
                VmcsField.HOST_INTR_SSP_TABLE,
                VmcsField.GUEST_S_CET,
                VmcsField.GUEST_SSP,
                VmcsField.GUEST_INTR_SSP_TABLE);
        run(
                744,
                VmcsField.PIN_BASED_VM_EXEC_CONTROL,
                VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                VmcsField.EXCEPTION_BITMAP,
                VmcsField.PAGE_FAULT_ERROR_CODE_MASK,
                VmcsField.PAGE_FAULT_ERROR_CODE_MATCH,
                VmcsField.CR3_TARGET_COUNT,
                VmcsField.VM_EXIT_CONTROLS,
                VmcsField.VM_EXIT_MSR_STORE_COUNT,
                VmcsField.VM_EXIT_MSR_LOAD_COUNT,
                VmcsField.VM_ENTRY_CONTROLS,
                VmcsField.VM_ENTRY_MSR_LOAD_COUNT,
                VmcsField.VM_ENTRY_INTR_INFO,
                VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE,
                VmcsField.VM_ENTRY_INSTRUCTION_LEN,
                VmcsField.TPR_THRESHOLD,
                VmcsField.SECONDARY_VM_EXEC_CONTROL,
                VmcsField.VM_INSTRUCTION_ERROR,
                VmcsField.VM_EXIT_REASON,
                VmcsField.VM_EXIT_INTR_INFO,
                VmcsField.VM_EXIT_INTR_ERROR_CODE,
                VmcsField.IDT_VECTORING_INFO_FIELD,
                VmcsField.IDT_VECTORING_ERROR_CODE,
                VmcsField.VM_EXIT_INSTRUCTION_LEN,
                VmcsField.VMX_INSTRUCTION_INFO,
                VmcsField.GUEST_ES_LIMIT,
                VmcsField.GUEST_CS_LIMIT,
                VmcsField.GUEST_SS_LIMIT,
                VmcsField.GUEST_DS_LIMIT,
                VmcsField.GUEST_FS_LIMIT,
                VmcsField.GUEST_GS_LIMIT,
                VmcsField.GUEST_LDTR_LIMIT,
                VmcsField.GUEST_TR_LIMIT,
                VmcsField.GUEST_GDTR_LIMIT,
                VmcsField.GUEST_IDTR_LIMIT,
                VmcsField.GUEST_ES_AR_BYTES,
                VmcsField.GUEST_CS_AR_BYTES,
                VmcsField.GUEST_SS_AR_BYTES,
                VmcsField.GUEST_DS_AR_BYTES,
                VmcsField.GUEST_FS_AR_BYTES,
                VmcsField.GUEST_GS_AR_BYTES,
                VmcsField.GUEST_LDTR_AR_BYTES,
                VmcsField.GUEST_TR_AR_BYTES,
                VmcsField.GUEST_INTERRUPTIBILITY_INFO,
                VmcsField.GUEST_ACTIVITY_STATE,
                VmcsField.GUEST_SYSENTER_CS,
                VmcsField.HOST_IA32_SYSENTER_CS,
                VmcsField.VMX_PREEMPTION_TIMER_VALUE);
        run(
                960,
                VmcsField.VIRTUAL_PROCESSOR_ID,
                VmcsField.POSTED_INTR_NV,
                VmcsField.GUEST_ES_SELECTOR,
                VmcsField.GUEST_CS_SELECTOR,
                VmcsField.GUEST_SS_SELECTOR,
                VmcsField.GUEST_DS_SELECTOR,
                VmcsField.GUEST_FS_SELECTOR,
                VmcsField.GUEST_GS_SELECTOR,
                VmcsField.GUEST_LDTR_SELECTOR,
                VmcsField.GUEST_TR_SELECTOR,
                VmcsField.GUEST_INTR_STATUS,
                VmcsField.HOST_ES_SELECTOR,
                VmcsField.HOST_CS_SELECTOR,
                VmcsField.HOST_SS_SELECTOR,
                VmcsField.HOST_DS_SELECTOR,
                VmcsField.HOST_FS_SELECTOR,
                VmcsField.HOST_GS_SELECTOR,
                VmcsField.HOST_TR_SELECTOR,
                VmcsField.GUEST_PML_INDEX);
    }

    private static void run(int first, VmcsField... fields) {
        int next = first;
        for (VmcsField field : fields) {
            OFFSETS[field.ordinal()] = next;
            next += field.width().bytes();
        }
    }

    /** Byte offset of a field in its region. */
    public static int offset(VmcsField field) {
        return OFFSETS[field.ordinal()];
    }

    /** Bytes of the region that are in use. */
    public static int size() {
        return END;
    }
}
