package nestbox.testkit.guest;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.insn.AssemblyException;
import org.junit.jupiter.api.Test;

/** The building blocks set up what they say, on bare silicon and under L0. */
class GuestTest {
    @NestedTest
    void tablesOfEachModeLeadWhereTheySay(NestedLab lab) {
        Guest[] guests = {Guest.longMode(), Guest.pae(), Guest.twoLevel()};
        for (Guest guest : guests) {
            guest.page("old", 'O')
                    .page("new", 'N')
                    .tables(
                            "a",
                            t -> t.identity(1L << 30)
                                    .map(0x40000000L, "old")
                                    .entry("a_x")
                                    .map(0x300000, "new"))
                    .tables("b", t -> t.identity(1L << 30).map(0x40000000L, "new"))
                    .body("""
                            mov al, [0x40000000]
                            call putc
                            mov al, [0x300000]
                            call putc
                            mov eax, b
                            mov cr3, %s
                            mov al, [0x40000000]
                            call putc
                            mov dword [a_x], new + 3
                            mov eax, a
                            mov cr3, %1$s
                            mov al, [0x40000000]
                            jmp tell
                            """.formatted(guest == guests[0] ? "rax" : "eax"));
            assertThat(lab.run(guest)).endedWell().printed("ONNN");
        }
    }

    @NestedTest
    void anExceptionIsReported(NestedLab lab) {
        for (Guest guest : new Guest[] {Guest.longMode(), Guest.pae(), Guest.twoLevel()}) {
            guest.body("here: mov [0x80000000], eax");
            long here = guest.assemble().address("here");
            assertThat(lab.run(guest)).printed("exception e error 2 at " + Long.toHexString(here) + "\n");
        }
        Guest plain = Guest.protectedMode().body("ud2");
        LabRun run = lab.run(plain);
        assertThat(run.printed()).startsWith("exception 6 error 0");
        assertThat(run.outcome().code()).isEqualTo(0x46);
    }

    @NestedTest
    void aHandlerOfTheGuestsOwn(NestedLab lab) {
        Guest guest = Guest.longMode()
                .handler(13, "own")
                .body("mov ax, 0x1234\nmov ds, ax")
                .label("own", """
                pop rax
                call hex
                jmp finish
                """);
        assertThat(lab.run(guest)).endedWell().printed("1234");
    }

    /** L1 with an L2 behind EPT. */
    private static Guest intel() {
        return Guest.longMode()
                .page("secret", 42)
                .ept("ept", t -> t.identity(16 << 20).map(0x40000000L, "secret"))
                .tables("l1_tables", t -> t.identity(1L << 30))
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
                .vmcs("vmcs", v -> v.ept("ept").cr3("l2_tables").vpid(1))
                .body("vmlaunch\njmp vmx_failed")
                .label("l2", "mov esi, 0x50000000\ncall see\nvmcall");
    }

    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP})
    void anL2BehindEpt(NestedLab lab) {
        assertThat(lab.run(intel()))
                .endedWell()
                .printed("exit 12 0\n")
                .exitsToL1("VMCALL")
                .l2Sees(0x50000000L, 42)
                .vmcs(VmcsField.VM_EXIT_REASON, 18)
                .vmcs("vmcs", VmcsField.VIRTUAL_PROCESSOR_ID, 1)
                .l1Read(VmcsField.EXIT_QUALIFICATION)
                .l1NeverRead(VmcsField.GUEST_PDPTE0)
                .l1Wrote(VmcsField.EPT_POINTER)
                .l1NeverWrote(VmcsField.GUEST_PDPTE0);
    }

    /** Without EPT there is no field EPT pointer: VMWRITE fails with error 12. */
    @NestedTest(l0 = L0Mode.SHADOW)
    void shadowPagingOffersNoEpt(NestedLab lab) {
        LabRun run = lab.run(intel());
        assertThat(run).ended(Outcome.Kind.DEBUG_EXIT).printed("VMfail c\n").exitsToL1();
        assertThat(run.outcome().code()).isEqualTo(0x31);
    }

    @NestedTest
    void anL2WithoutEptInEachMode(NestedLab lab) {
        for (Guest guest : new Guest[] {Guest.longMode(), Guest.pae(), Guest.twoLevel()}) {
            guest.vmcs("vmcs", v -> v.enable(VmxFeature.HLT_EXITING).onExit("left"))
                    .body("vmlaunch\njmp vmx_failed")
                    .label("l2", "mov al, '2'\ncall putc\nhlt")
                    .label("left", "mov al, '1'\ncall putc\njmp vmx_exit");
            assertThat(lab.run(guest)).endedWell().printed("21exit c 0\n").exitsToL1("HLT");
        }
    }

    @NestedTest(
            cpu = "max,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP})
    void anL2BehindNestedPaging(NestedLab lab) {
        Guest guest = Guest.longMode()
                .page("secret", 42)
                .npt("npt", t -> t.identity(16 << 20).map(0x40000000L, "secret"))
                .tables("l1_tables", t -> t.identity(1L << 30))
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
                .vmcb("vmcb", v -> v.npt("npt").cr3("l2_tables").intercept(ExitCode.HLT))
                .body("mov eax, vmcb\nvmrun\njmp finish")
                .label("l2", "mov esi, 0x50000000\ncall see\nhlt");
        assertThat(lab.run(guest))
                .endedWell()
                .exitsToL1("HLT")
                .l2Sees(0x50000000L, 42)
                .vmcb("vmcb", VmcbField.EXITCODE, ExitCode.HLT.code())
                .vmcb("vmcb", VmcbField.GUEST_ASID, 1);
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThatThrownBy(() -> Guest.longMode().vmcs("v", v -> v).image())
                .isInstanceOf(AssemblyException.class)
                .hasMessageContaining("l2");
        assertThatThrownBy(() -> Guest.protectedMode().tables("a", t -> t))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("without paging");
        assertThatThrownBy(() -> Guest.longMode().vmcs("v", v -> v.enable(VmxFeature.INVEPT)))
                .hasMessageContaining("INVEPT is no control");
    }
}
