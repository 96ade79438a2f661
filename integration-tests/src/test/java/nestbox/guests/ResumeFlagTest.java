package nestbox.guests;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import nestbox.modules.L0Mode;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;

/**
 * RFLAGS.RF in the flags that an event pushes: 1 for faults but #DB, what it was for all else, so for the abort #DF (SDM Vol. 3,
 * "Instruction-Breakpoint Exception Condition"; classes of exceptions: "Protected-Mode Exceptions and Interrupts").
 */
class ResumeFlagTest {
    private static final String NO_GATE = "and byte [idt + %d * GATE_BYTES + 5], 0x7f\n";

    /** A guest that does something and prints the RF that the event with this vector pushed. */
    private static String pushed(NestedLab lab, String body, int vector, boolean withError) {
        Guest guest = Guest.longMode()
                .handler(vector, "taken")
                .body(body)
                .label(
                        "taken",
                        "mov rax, [rsp + " + (withError ? 24 : 16) + "]\n shr eax, 16\n and eax, 1\n"
                                + " add eax, '0'\n call putc\n jmp finish\n");
        LabRun run = lab.run(guest);
        assertThat(run).endedWell();
        return run.printed();
    }

    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void onlyFaultsSetIt(NestedLab lab) {
        assertThat(pushed(lab, "ud2\n", 6, false)).as("#UD").isEqualTo("1");
        assertThat(pushed(lab, "xor ecx, ecx\n div ecx\n", 0, false)).as("#DE").isEqualTo("1");
        assertThat(pushed(lab, "mov rax, [0x50000000]\n", 14, true)).as("#PF").isEqualTo("1");
        assertThat(pushed(lab, "int 0x30\n", 0x30, false)).as("INT n").isEqualTo("0");
        assertThat(pushed(lab, "int3\n", 3, false)).as("#BP").isEqualTo("0");
        assertThat(pushed(lab, "pushfq\n or dword [rsp], 0x100\n popfq\n nop\n", 1, false))
                .as("#DB of a single step")
                .isEqualTo("0");
        assertThat(pushed(lab, "mov eax, here\n mov dr0, rax\n mov eax, 0x402\n mov dr7, rax\nhere: nop\n", 1, false))
                .as("#DB of an instruction breakpoint")
                .isEqualTo("0");
    }

    /** A fault in the delivery of something else is a fault; what two faults become is an abort. */
    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void faultsInADelivery(NestedLab lab) {
        assertThat(pushed(lab, "int 0x30\n", 13, true))
                .as("#GP of INT n, whose gate is empty")
                .isEqualTo("1");
        assertThat(pushed(lab, NO_GATE.formatted(6) + "ud2\n", 11, true))
                .as("#NP of #UD")
                .isEqualTo("1");
        assertThat(pushed(lab, NO_GATE.formatted(0) + "xor ecx, ecx\n div ecx\n", 8, true))
                .as("#DF of #DE and #NP")
                .isEqualTo("0");
        // A #PF that L0 takes on shadow paging is injected with RF set, as KVM does it, and the processor's own #DF
        // pushes that.
        assertThat(pushed(lab, NO_GATE.formatted(14) + "mov rax, [0x50000000]\n", 8, true))
                .as("#DF of #PF and #NP")
                .isEqualTo(lab.configuration().l0() == L0Mode.SHADOW ? "1" : "0");
    }
}
