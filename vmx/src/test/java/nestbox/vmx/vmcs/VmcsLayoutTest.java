package nestbox.vmx.vmcs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The places of the fields of KVM's vmcs12, which are part of its ABI: Linux, arch/x86/kvm/vmx/vmcs12.h, vmx_check_vmcs12_offsets (of
 * 2025; the places of CR3 targets, which KVM has given up since, as of 2019). There the names are in small letters, PDPTEs are
 * PDPTRs, and INTR_SSP_TABLE is ssp_tbl.
 */
class VmcsLayoutTest {
    private static final String KVM = """
            IO_BITMAP_A 40 IO_BITMAP_B 48 MSR_BITMAP 56
            VM_EXIT_MSR_STORE_ADDR 64 VM_EXIT_MSR_LOAD_ADDR 72 VM_ENTRY_MSR_LOAD_ADDR 80
            TSC_OFFSET 88 VIRTUAL_APIC_PAGE_ADDR 96 APIC_ACCESS_ADDR 104
            POSTED_INTR_DESC_ADDR 112 EPT_POINTER 120 EOI_EXIT_BITMAP0 128
            EOI_EXIT_BITMAP1 136 EOI_EXIT_BITMAP2 144 EOI_EXIT_BITMAP3 152
            XSS_EXIT_BITMAP 160 GUEST_PHYSICAL_ADDRESS 168 VMCS_LINK_POINTER 176
            GUEST_IA32_DEBUGCTL 184 GUEST_IA32_PAT 192 GUEST_IA32_EFER 200
            GUEST_IA32_PERF_GLOBAL_CTRL 208 GUEST_PDPTE0 216 GUEST_PDPTE1 224
            GUEST_PDPTE2 232 GUEST_PDPTE3 240 GUEST_BNDCFGS 248
            HOST_IA32_PAT 256 HOST_IA32_EFER 264 HOST_IA32_PERF_GLOBAL_CTRL 272
            VMREAD_BITMAP 280 VMWRITE_BITMAP 288 VM_FUNCTION_CONTROL 296
            EPTP_LIST_ADDRESS 304 PML_ADDRESS 312 ENCLS_EXITING_BITMAP 320
            TSC_MULTIPLIER 328 CR0_GUEST_HOST_MASK 344 CR4_GUEST_HOST_MASK 352
            CR0_READ_SHADOW 360 CR4_READ_SHADOW 368 CR3_TARGET_VALUE0 376
            CR3_TARGET_VALUE1 384 CR3_TARGET_VALUE2 392 CR3_TARGET_VALUE3 400
            EXIT_QUALIFICATION 408 GUEST_LINEAR_ADDRESS 416 GUEST_CR0 424
            GUEST_CR3 432 GUEST_CR4 440 GUEST_ES_BASE 448
            GUEST_CS_BASE 456 GUEST_SS_BASE 464 GUEST_DS_BASE 472
            GUEST_FS_BASE 480 GUEST_GS_BASE 488 GUEST_LDTR_BASE 496
            GUEST_TR_BASE 504 GUEST_GDTR_BASE 512 GUEST_IDTR_BASE 520
            GUEST_DR7 528 GUEST_RSP 536 GUEST_RIP 544
            GUEST_RFLAGS 552 GUEST_PENDING_DBG_EXCEPTIONS 560 GUEST_SYSENTER_ESP 568
            GUEST_SYSENTER_EIP 576 HOST_CR0 584 HOST_CR3 592
            HOST_CR4 600 HOST_FS_BASE 608 HOST_GS_BASE 616
            HOST_TR_BASE 624 HOST_GDTR_BASE 632 HOST_IDTR_BASE 640
            HOST_IA32_SYSENTER_ESP 648 HOST_IA32_SYSENTER_EIP 656 HOST_RSP 664
            HOST_RIP 672 HOST_S_CET 680 HOST_SSP 688
            HOST_INTR_SSP_TABLE 696 GUEST_S_CET 704 GUEST_SSP 712
            GUEST_INTR_SSP_TABLE 720 PIN_BASED_VM_EXEC_CONTROL 744 CPU_BASED_VM_EXEC_CONTROL 748
            EXCEPTION_BITMAP 752 PAGE_FAULT_ERROR_CODE_MASK 756 PAGE_FAULT_ERROR_CODE_MATCH 760
            CR3_TARGET_COUNT 764 VM_EXIT_CONTROLS 768 VM_EXIT_MSR_STORE_COUNT 772
            VM_EXIT_MSR_LOAD_COUNT 776 VM_ENTRY_CONTROLS 780 VM_ENTRY_MSR_LOAD_COUNT 784
            VM_ENTRY_INTR_INFO 788 VM_ENTRY_EXCEPTION_ERROR_CODE 792 VM_ENTRY_INSTRUCTION_LEN 796
            TPR_THRESHOLD 800 SECONDARY_VM_EXEC_CONTROL 804 VM_INSTRUCTION_ERROR 808
            VM_EXIT_REASON 812 VM_EXIT_INTR_INFO 816 VM_EXIT_INTR_ERROR_CODE 820
            IDT_VECTORING_INFO_FIELD 824 IDT_VECTORING_ERROR_CODE 828 VM_EXIT_INSTRUCTION_LEN 832
            VMX_INSTRUCTION_INFO 836 GUEST_ES_LIMIT 840 GUEST_CS_LIMIT 844
            GUEST_SS_LIMIT 848 GUEST_DS_LIMIT 852 GUEST_FS_LIMIT 856
            GUEST_GS_LIMIT 860 GUEST_LDTR_LIMIT 864 GUEST_TR_LIMIT 868
            GUEST_GDTR_LIMIT 872 GUEST_IDTR_LIMIT 876 GUEST_ES_AR_BYTES 880
            GUEST_CS_AR_BYTES 884 GUEST_SS_AR_BYTES 888 GUEST_DS_AR_BYTES 892
            GUEST_FS_AR_BYTES 896 GUEST_GS_AR_BYTES 900 GUEST_LDTR_AR_BYTES 904
            GUEST_TR_AR_BYTES 908 GUEST_INTERRUPTIBILITY_INFO 912 GUEST_ACTIVITY_STATE 916
            GUEST_SYSENTER_CS 920 HOST_IA32_SYSENTER_CS 924 VMX_PREEMPTION_TIMER_VALUE 928
            VIRTUAL_PROCESSOR_ID 960 POSTED_INTR_NV 962 GUEST_ES_SELECTOR 964
            GUEST_CS_SELECTOR 966 GUEST_SS_SELECTOR 968 GUEST_DS_SELECTOR 970
            GUEST_FS_SELECTOR 972 GUEST_GS_SELECTOR 974 GUEST_LDTR_SELECTOR 976
            GUEST_TR_SELECTOR 978 GUEST_INTR_STATUS 980 HOST_ES_SELECTOR 982
            HOST_CS_SELECTOR 984 HOST_SS_SELECTOR 986 HOST_DS_SELECTOR 988
            HOST_FS_SELECTOR 990 HOST_GS_SELECTOR 992 HOST_TR_SELECTOR 994
            GUEST_PML_INDEX 996
            """;
    /** The end of KVM's structure. */
    private static final int END = 998;

    private static Map<VmcsField, Integer> kvm() {
        String[] words = KVM.trim().split("\\s+");
        Map<VmcsField, Integer> rows = new HashMap<>();
        for (int i = 0; i < words.length; i += 2) {
            rows.put(VmcsField.valueOf(words[i]), Integer.valueOf(words[i + 1]));
        }
        return rows;
    }

    @Test
    void kvmsFieldsLieWhereKvmHasThem() {
        Map<VmcsField, Integer> rows = kvm();
        assertThat(rows).hasSize(151);
        rows.forEach((field, offset) ->
                assertThat(VmcsLayout.offset(field)).as("%s", field).isEqualTo(offset));
        assertThat(VmcsLayout.REVISION).isZero();
        assertThat(VmcsLayout.ABORT_INDICATOR).isEqualTo(4);
        assertThat(VmcsLayout.LAUNCH_STATE).isEqualTo(8);
    }

    @Test
    void othersLieBehindThem() {
        Map<VmcsField, Integer> rows = kvm();
        for (VmcsField field : VmcsField.values()) {
            if (!rows.containsKey(field)) {
                assertThat(VmcsLayout.offset(field)).as("%s", field).isGreaterThanOrEqualTo(END);
            }
        }
    }

    /** Each field comes back from the image that a saved nested state has. */
    @Test
    void anImageHoldsEveryField() {
        Vmcs vmcs = new Vmcs(0x5000, new long[VmcsField.count()]);
        vmcs.load(new byte[VmcsLayout.REGION]);
        for (VmcsField field : VmcsField.values()) {
            vmcs.set(field, 0x0102030405060708L * (field.ordinal() + 1));
        }
        vmcs.setLaunchState(Vmcs.LAUNCHED);
        Vmcs again = new Vmcs(0x6000, new long[VmcsField.count()]);
        again.load(vmcs.region());
        for (VmcsField field : VmcsField.values()) {
            assertThat(again.get(field)).as("%s", field).isEqualTo(vmcs.get(field));
        }
        assertThat(again.launchState()).isEqualTo(Vmcs.LAUNCHED);
    }
}
