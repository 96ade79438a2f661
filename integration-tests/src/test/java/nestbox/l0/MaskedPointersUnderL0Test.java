package nestbox.l0;

import static nestbox.testkit.NestboxAssertions.assertThat;

import nestbox.modules.L0Mode;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;

/**
 * Linear-address masking of L0's guest, whose CR3 under shadow paging is L0's own but for LAM_U48 and LAM_U57 (SDM Vol. 3,
 * "Linear-Address Masking"; Linux, vmx_load_mmu_pgd).
 */
class MaskedPointersUnderL0Test {
    private static final long CR4_LAM_SUP = 1L << 28;

    /**
     * Reads through a pointer with metadata in bit 60, which LAM_U57 permits, then in bit 50, too, which LAM_U48 permits; and
     * through a supervisor's pointer.
     */
    private static final String BODY = """
                    mov edx, secret
                    mov rcx, rdx
                    bts rcx, 60
                    mov rbx, cr3
                    mov rax, rbx
                    bts rax, 61
                    mov cr3, rax
                    mov rax, [rcx]
                    call putc
                    bts rcx, 50
                    mov rax, [rcx]
                    call putc
                    mov rax, rbx
                    bts rax, 62
                    mov cr3, rax
                    mov rax, [rcx]
                    call putc
                    mov cr3, rbx
                    mov rax, [rcx]
                    call putc
                    mov rcx, 0xefff800040000000
                    mov rax, [rcx]
                    call putc
                    mov rax, cr4
                    btr rax, 28
                    mov cr4, rax
                    mov rax, [rcx]
                    call putc
                    jmp finish
            """;

    /** The read gave G. */
    private static final String FAULT = """
                    mov eax, 'G'
                    add rsp, 8
                    add qword [rsp], 3
                    iretq
            """;

    @NestedTest(
            cpu = "max",
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void metadataInPointers(NestedLab lab) {
        LabRun run = lab.run(Guest.longMode()
                .page("secret", 's')
                .tables("l1_tables", t -> t.identity(1 << 30).map(0xffff800040000000L, "secret"))
                .cr4(CR4_LAM_SUP)
                .handler(13, "fault")
                .body(BODY)
                .label("fault", FAULT));
        assertThat(run).endedWell().printed("sGsGsG");
    }
}
