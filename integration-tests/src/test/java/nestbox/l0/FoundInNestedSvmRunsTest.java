package nestbox.l0;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.UnaryOperator;
import nestbox.modules.L0Mode;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;
import nestbox.testkit.guest.VmcbBlock;

/** What differential runs have found in L0 on AMD's processors and in nested SVM, each as a guest of its own. */
class FoundInNestedSvmRunsTest {
    private static final long RESUME_FLAG = 0x10000;

    private static Guest guest(UnaryOperator<VmcbBlock> vmcb, String told, String l2) {
        return Guest.longMode()
                .vmcb("vmcb", v -> vmcb.apply(v).intercept(ExitCode.VMMCALL))
                .body("mov eax, vmcb\n vmrun\n" + tell(VmcbField.EXITCODE) + told + "jmp finish\n")
                .label("l2", l2);
    }

    /** Prints a field of the VMCB "vmcb" and a blank. */
    static String tell(VmcbField field) {
        return "mov rax, [vmcb + " + field.offset() + "]\n call hex\n mov al, ' '\n call putc\n";
    }

    /** CR2 has the address of the second #PF, which makes a double fault of the first; that leaves L2 if L1 wants it. */
    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void aDoubleFaultLeavesTheSecondAddress(NestedLab lab) {
        assertThat(lab.run(guest(
                                v -> v.intercept(0x48),
                                tell(VmcbField.CR2) + tell(VmcbField.EXITINTINFO),
                                "mov esp, 0x50001000\n mov al, [0x60000000]\n vmmcall\n"))
                        .printed())
                .isEqualTo("48 50000fd0 80000b0e ");
    }

    /** APM Vol. 2, "Event Injection": the handler of an injected software interrupt returns to NRIP. */
    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void anInjectedSoftwareInterruptReturnsToNrip(NestedLab lab) {
        Guest guest = Guest.longMode()
                .vmcb(
                        "vmcb",
                        v -> v.intercept(ExitCode.VMMCALL)
                                .set(VmcbField.EVENTINJ, 0x80000440L)
                                .set(VmcbField.NRIP, "behind"))
                .handler(0x40, "own")
                .body("mov eax, vmcb\n vmrun\n" + tell(VmcbField.EXITCODE) + "lea eax, [rbx + '0']\n jmp tell\n")
                .label("own", "pop rax\n xor ebx, ebx\n sub rax, behind\n setz bl\n vmmcall\n")
                .label("l2", "nop\n nop\n")
                .label("behind", "nop\n");
        assertThat(lab.run(guest)).endedWell().printed("81 1");
    }

    /** APM Vol. 2, "Instruction Intercepts": INVPCID. */
    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void l1InterceptsInvpcid(NestedLab lab) {
        assertThat(lab.run(guest(
                                v -> v.intercept(ExitCode.INVPCID),
                                "",
                                "xor eax, eax\n db 0x66, 0x0f, 0x38, 0x82, 0x04, 0x24\n vmmcall\n"))
                        .printed())
                .isEqualTo("a2 ");
    }

    /** What was in delivery would have pushed RF, and does when it is injected again. */
    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void aFaultInDeliverySavesRf(NestedLab lab) {
        assertThat(lab.run(guest(
                                v -> v.intercept(0x4e),
                                tell(VmcbField.RFLAGS),
                                "mov esp, 0x50001000\n ud2\n vmmcall\n"))
                        .printed())
                .isEqualTo("4e " + Long.toHexString(RESUME_FLAG | 2) + " ");
    }

    /** APM Vol. 2, "Decode Assists": the bytes end with the page, and the next one's entry keeps its accessed flag. */
    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP})
    void theBytesOfAnInstructionLeaveTheNextPageAlone(NestedLab lab) {
        Guest guest = Guest.longMode()
                .page("code")
                .page("next")
                .tables("l1_tables", t -> t.identity(1L << 30))
                .tables(
                        "l2_tables",
                        t -> t.identity(16 << 20)
                                .map(0x40000000L, "code")
                                .map(0x40001000L, "next")
                                .map(0x50000000L, "next"))
                .vmcb(
                        "vmcb",
                        v -> v.intercept(ExitCode.VMMCALL)
                                .intercept(0x4e)
                                .cr3("l2_tables")
                                .set(VmcbField.RIP, 0x40000ffdL))
                .body("""
                        mov dword [code + 0xffd], 0x00018b48    ; mov rax, [rcx], three bytes
                        mov ecx, 0x60000000
                        mov eax, vmcb
                        vmrun
                        """ + tell(VmcbField.EXITCODE) + """
                        mov rax, [l2_tables]
                        and rax, -4096
                        mov rax, [rax + 8]
                        and rax, -4096
                        mov rax, [rax]
                        and rax, -4096
                        mov rax, [rax + 8]      ; the entry of the second page
                        and eax, 0x20
                        call hex
                        jmp finish
                        """)
                .label("l2", "nop\n");
        assertThat(lab.run(guest)).endedWell().printed("4e 0");
    }
}
