package nestbox.l0;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import nestbox.modules.L0Mode;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.vmcs.VmcsField;

/**
 * L2's data segments and descriptor tables, which L0 leaves in hardware until L1 asks for them: L1 sees what L2 has loaded, whether it
 * asks at that exit or at a later one, and L2 gets what L1 has written.
 */
class NestedRareFieldsTest {
    private static final String RESUME_BEHIND = """
                mov eax, 0x440c
                vmread rcx, rax
                mov eax, 0x681e
                vmread rdx, rax
                add rdx, rcx
                vmwrite rax, rdx
                vmresume
                jmp vmx_failed
            """;

    private static String tell(VmcsField field) {
        return "mov eax, " + field.encoding()
                + "\n vmread rcx, rax\n mov rax, rcx\n call hex\n mov al, ' '\n call putc\n";
    }

    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void segmentsAndTablesOfL2(NestedLab lab) {
        Guest guest = Guest.longMode()
                .vmcs("vmcs", v -> v.onExit("exit"))
                .body("vmlaunch\njmp vmx_failed")
                .label(
                        "exit",
                        """
                        mov [kept], rbx
                        mov rax, rbx
                        call hex
                        mov al, ' '
                        call putc
                        inc qword [count]
                        test qword [count], 1
                        jz unasked
                        """ + tell(VmcsField.GUEST_FS_SELECTOR) + tell(VmcsField.GUEST_FS_AR_BYTES)
                                + tell(VmcsField.GUEST_GS_SELECTOR) + tell(VmcsField.GUEST_GDTR_LIMIT) + """
                        mov eax, 0x4810
                        mov edx, 0x7f
                        vmwrite rax, rdx
                        unasked:
                        mov al, 10
                        call putc
                        mov rbx, [kept]
                        mov eax, 0x4402
                        vmread rcx, rax
                        cmp ecx, 18
                        je finish
                        """
                                + RESUME_BEHIND + "kept: dq 0\ncount: dq 0\n")
                .label("l2", """
                        sgdt [table]
                        movzx ebx, word [table]
                        xor eax, eax
                        mov fs, ax
                        cpuid
                        sgdt [table]
                        movzx ebx, word [table]
                        xor eax, eax
                        mov gs, ax
                        cpuid
                        mov ax, ds
                        mov gs, ax
                        mov word [table], 0x4f
                        lgdt [table]
                        cpuid
                        sgdt [table]
                        movzx ebx, word [table]
                        cpuid
                        sgdt [table]
                        mov rbx, [table]
                        vmcall
                        table: dq 0, 0
                        """);
        LabRun nested = lab.run(guest);
        LabRun silicon = lab.run(guest, c -> c.l0(L0Mode.NONE).guestCpu(""));
        assertThat(silicon).endedWell();
        assertThat(nested).endedWell();
        assertThat(nested.printed()).isEqualTo(silicon.printed()).isNotEmpty();
    }
}
