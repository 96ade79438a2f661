package nestbox.testkit.exits;

import nestbox.testkit.guest.Guest;
import nestbox.testkit.guest.VmcsBlock;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;

/** An L1 on Intel's processors: at an exit it reads the reason, does what the action needs, and resumes L2. */
final class VmxL1 {
    private static final int PAGE_ENTRY = 0x37;

    private VmxL1() {}

    static Guest guest(L2Action action, boolean tdp, int times) {
        Guest guest = CommonL1.prepared(action, tdp);
        if (tdp) {
            guest.ept(
                    "tdp", t -> t.identity(16 << 20).map(L2Action.PAGES, "page").entry("page_entry"));
        }
        return guest.vmcs("vmcs", vmcs -> controls(vmcs, tdp))
                .body(CommonL1.start(action, times) + "        vmlaunch\n        jmp vmx_failed\n")
                .label("l2", action.source(times, "vmcall"))
                .label("left", left(action, tdp))
                .label("step_over", """
                        mov r8d, %d
                        vmread r9, r8
                        mov r8d, %d
                        vmread r10, r8
                        add r10, r9
                        vmwrite r8, r10
                resume: vmresume
                        jmp vmx_failed
                """.formatted(
                                VmcsField.VM_EXIT_INSTRUCTION_LEN.encoding(), VmcsField.GUEST_RIP.encoding()));
    }

    private static VmcsBlock controls(VmcsBlock vmcs, boolean tdp) {
        vmcs.cr3("l2_tables").vpid(1).onExit("left");
        vmcs.enable(VmxFeature.EXTERNAL_INTERRUPT_EXITING, VmxFeature.HLT_EXITING, VmxFeature.UNCONDITIONAL_IO_EXITING);
        if (tdp) {
            return vmcs.ept("tdp");
        }
        return vmcs.enable(VmxFeature.CR3_LOAD_EXITING).set(VmcsField.EXCEPTION_BITMAP, 1 << 14);
    }

    private static String left(L2Action action, boolean tdp) {
        return """
                        mov r8d, %d
                        vmread r9, r8
                        cmp r9d, %d
                        je finish
                        cmp r9d, %d
                        jne vmx_exit
                """.formatted(
                                VmcsField.VM_EXIT_REASON.encoding(),
                                ExitReason.VMCALL.number(),
                                reason(action, tdp).number())
                + answer(action, tdp);
    }

    private static ExitReason reason(L2Action action, boolean tdp) {
        return switch (action) {
            case CPUID -> ExitReason.CPUID;
            case CR3 -> ExitReason.CR_ACCESS;
            case PAGE_FAULT, UNMAPPED_PAGE -> tdp ? ExitReason.EPT_VIOLATION : ExitReason.EXCEPTION_NMI;
            case PORT -> ExitReason.IO_INSTRUCTION;
            case HLT -> ExitReason.HLT;
            case INTERRUPT -> ExitReason.EXTERNAL_INTERRUPT;
        };
    }

    private static String answer(L2Action action, boolean tdp) {
        return switch (action) {
            case CPUID -> "        cpuid\n        jmp step_over\n";
            case CR3 -> write(VmcsField.GUEST_CR3, "rbx") + "        jmp step_over\n";
            case PAGE_FAULT ->
                read(VmcsField.EXIT_QUALIFICATION, "r9") + "        mov cr2, r9\n"
                        + read(VmcsField.VM_EXIT_INTR_ERROR_CODE, "r9")
                        + write(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE, "r9")
                        + "        mov r9d, 0x80000b0e\n" + write(VmcsField.VM_ENTRY_INTR_INFO, "r9")
                        + "        jmp resume\n";
            case UNMAPPED_PAGE -> CommonL1.mapNext(tdp ? PAGE_ENTRY : 3) + "        jmp resume\n";
            case PORT, HLT -> "        jmp step_over\n";
            case INTERRUPT ->
                "        sti\n        nop\n        cli\n        dec r15d\n        jz finish\n        jmp resume\n";
        };
    }

    private static String read(VmcsField field, String register) {
        return "        mov r8d, " + field.encoding() + "\n        vmread " + register + ", r8\n";
    }

    private static String write(VmcsField field, String register) {
        return "        mov r8d, " + field.encoding() + "\n        vmwrite r8, " + register + "\n";
    }
}
