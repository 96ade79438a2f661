package nestbox.testkit.exits;

import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.testkit.guest.Guest;
import nestbox.testkit.guest.VmcbBlock;

/**
 * An L1 on AMD's processors. As KVM does it enters L2 with GIF clear and loads and saves by VMLOAD and VMSAVE what VMRUN leaves
 * alone, L2's and its own.
 */
final class SvmL1 {
    private static final int VIRTUAL_INTERRUPT_MASKING = 1 << 24;
    private static final int PAGE_ENTRY = 7;

    private SvmL1() {}

    static Guest guest(L2Action action, boolean tdp, int times) {
        Guest guest = CommonL1.prepared(action, tdp)
                .page("own")
                .page("ports", 0, 0, -1)
                .page("ports_8000")
                .page("ports_end");
        if (tdp) {
            guest.npt(
                    "tdp", t -> t.identity(16 << 20).map(L2Action.PAGES, "page").entry("page_entry"));
        }
        return guest.vmcb("vmcb", vmcb -> controls(vmcb, tdp))
                .body("        mov eax, own\n        vmsave\n" + CommonL1.start(action, times) + "        jmp resume\n")
                .label("l2", action.source(times, "vmmcall"))
                .label(
                        "resume",
                        """
                        clgi
                        sti
                        mov eax, vmcb
                        vmload
                        vmrun
                        vmsave
                        mov eax, own
                        vmload
                        cli
                        stgi
                        mov r9, [vmcb + %d]
                        cmp r9d, %d
                        je finish
                        cmp r9d, %d
                        jne failed
                """.formatted(VmcbField.EXITCODE.offset(), ExitCode.VMMCALL.code(), code(action, tdp))
                                + answer(action, tdp))
                .label("failed", "        mov rax, r9\n        call hex\n        mov eax, 0x31\n        jmp quit\n");
    }

    private static VmcbBlock controls(VmcbBlock vmcb, boolean tdp) {
        vmcb.cr3("l2_tables")
                .intercept(ExitCode.CPUID, ExitCode.HLT, ExitCode.IOIO, ExitCode.INTR)
                .set(VmcbField.IOPM_BASE_PA, "ports")
                .set(VmcbField.INTERRUPT_CONTROL, VIRTUAL_INTERRUPT_MASKING);
        return tdp
                ? vmcb.npt("tdp")
                : vmcb.intercept((int) code(L2Action.CR3, false)).intercept((int) code(L2Action.PAGE_FAULT, false));
    }

    private static long code(L2Action action, boolean tdp) {
        return switch (action) {
            case CPUID -> ExitCode.CPUID.code();
            case CR3 -> ExitCode.CR_WRITE.code() + 3;
            case PAGE_FAULT, UNMAPPED_PAGE -> tdp ? ExitCode.NPF.code() : ExitCode.EXCP.code() + 14;
            case PORT -> ExitCode.IOIO.code();
            case HLT -> ExitCode.HLT.code();
            case INTERRUPT -> ExitCode.INTR.code();
        };
    }

    private static String answer(L2Action action, boolean tdp) {
        return switch (action) {
            case CPUID -> "        cpuid\n" + stepOver(2);
            case CR3 -> "        mov [vmcb + " + VmcbField.CR3.offset() + "], rbx\n" + stepOver(3);
            case PAGE_FAULT ->
                move(VmcbField.EXITINFO2, VmcbField.CR2)
                        + "        mov r9, [vmcb + " + VmcbField.EXITINFO1.offset() + "]\n"
                        + "        shl r9, 32\n        mov r8d, 0x80000b0e\n        or r9, r8\n"
                        + "        mov [vmcb + " + VmcbField.EVENTINJ.offset() + "], r9\n        jmp resume\n";
            case UNMAPPED_PAGE -> CommonL1.mapNext(tdp ? PAGE_ENTRY : 3) + "        jmp resume\n";
            case PORT -> move(VmcbField.EXITINFO2, VmcbField.RIP) + "        jmp resume\n";
            case HLT -> stepOver(1);
            case INTERRUPT ->
                "        sti\n        nop\n        cli\n        dec r15d\n        jz finish\n        jmp resume\n";
        };
    }

    private static String move(VmcbField from, VmcbField to) {
        return "        mov r9, [vmcb + " + from.offset() + "]\n        mov [vmcb + " + to.offset() + "], r9\n";
    }

    private static String stepOver(int bytes) {
        return "        add qword [vmcb + " + VmcbField.RIP.offset() + "], " + bytes + "\n        jmp resume\n";
    }
}
