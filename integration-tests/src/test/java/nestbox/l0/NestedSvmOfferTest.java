package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.vmcb.ExitCode;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What L0 offers L1 of SVM beyond the basics does what the silicon does (APM Vol. 2, "Secure Virtual Machine"). */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class NestedSvmOfferTest {
    private static final long RESULT = 0x309000;
    private static final long LIMIT = 1_000_000;

    /** Runs an L1 with its L2; the first {@code count} results. */
    private static List<Long> run(Way way, int count, String body) {
        return run(Vendor.SVM.model, "", way, count, body);
    }

    /**
     * @param silicon the processor's model
     * @param without what L1's lacks of it, each feature behind a comma and a minus
     */
    private static List<Long> run(String silicon, String without, Way way, int count, String body) {
        boolean bare = way.mode == nestbox.modules.L0Mode.NONE;
        NestboxConfiguration configuration = EntryLab.configuration(Vendor.SVM, way).toBuilder()
                .cpu(bare ? silicon + without : silicon)
                .guestCpu(bare ? "" : silicon + without)
                .build();
        Nestbox lab = Nestbox.create(configuration);
        String handler = body.contains("handler:") ? "" : "\nhandler: hlt";
        String source = "NPT equ " + (way.tdp ? 1 : 0) + "\n" + common() + body + handler + "\nalign 16\nidt:\n";
        ImageFile image =
                new ImageFile("svm64", Asm.program(32, 0x100000, source).bytes());
        lab.load(image, "");
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        List<Long> results = results(lab, count);
        // Each entry fills the pause filter up again.
        boolean moves = !body.contains("pause");
        if (moves && (way == Way.NESTED_TDP || way == Way.SHADOW_ON_SHADOW)) {
            assertThat(results(new Moves(configuration, image).lab(), count))
                    .as("with state saved and restored")
                    .isEqualTo(results);
        }
        return results;
    }

    private static List<Long> results(Nestbox lab, int count) {
        List<Long> results = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            results.add(lab.machine().memory().read(RESULT + 8L * i, 8));
        }
        return results;
    }

    private static String common() {
        try (InputStream in = NestedSvmOfferTest.class.getResourceAsStream("svm64.asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static final String VIRTUAL_VMLOAD = """
            host:   mov dword [VMCB + 0xb8], 2      ; virtual VMLOAD and VMSAVE
                    mov dword [OTHER + 0x620], 0x1234   ; KERNEL_GS_BASE
                    mov dword [OTHER + 0x600], 0x5678   ; STAR
                    mov dword [OTHER + 0x628], 0x9abc   ; SYSENTER_CS
                    call enter
                    mov eax, OTHER
                    vmsave
                    mov rax, [OTHER + 0x620]
                    mov [r15], rax
                    jmp end
            guest:  mov eax, OTHER
                    vmload
                    mov dword [OTHER + 0x620], 0
                    mov dword [OTHER + 0x600], 0
                    mov dword [OTHER + 0x628], 0
                    mov eax, OTHER
                    vmsave
                    mov rax, [OTHER + 0x600]
                    mov [RESULT + 16], rax
                    mov rax, [OTHER + 0x628]
                    mov [RESULT + 24], rax
                    mov ecx, 0xc0000081
                    rdmsr
                    mov [RESULT + 32], rax
                    vmmcall
            """;

    /** With nested paging they run in L2; without it they leave L2, though L1 does not intercept them. */
    @ParameterizedTest
    @EnumSource(names = {"BARE_TDP", "NESTED_TDP"})
    void virtualVmloadRunsInL2(Way way) {
        assertThat(run(way, 5, VIRTUAL_VMLOAD))
                .containsExactly(ExitCode.VMMCALL.code(), 0x1234L, 0x5678L, 0x9abcL, 0x5678L);
    }

    @ParameterizedTest
    @EnumSource(names = {"BARE", "SHADOW_ON_TDP"})
    void virtualVmloadLeavesWithoutNestedPaging(Way way) {
        assertThat(run(way, 1, VIRTUAL_VMLOAD)).containsExactly(ExitCode.VMLOAD.code());
    }

    /** STGI and CLGI act on V_GIF, which holds the virtual interrupt back and comes back with the exit. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void virtualGifGatesVirtualInterrupts(Way way) {
        String body = """
                host:   call gate
                        mov dword [VMCB + 0x60], 0x030f0100     ; V_GIF_ENABLE, V_INTR_MASKING, V_PRIO, V_IRQ
                        mov byte [VMCB + 0x64], 0x20
                        call enter
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        add r15, 8
                        call skip
                        call enter
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        add r15, 8
                        jmp end
                guest:  sti
                        nop
                        mov ebx, 1
                        stgi
                        nop
                        mov [RESULT + 32], rbx
                        vmmcall
                        clgi
                        vmmcall
                handler: mov [RESULT + 40], rbx
                        mov ebx, 2
                        iretq
                """;
        assertThat(run(way, 6, body))
                .containsExactly(ExitCode.VMMCALL.code(), 0x030f0200L, ExitCode.VMMCALL.code(), 0x030f0000L, 2L, 1L);
    }

    /** Physical interrupts are not V_GIF's: L0 finds them open by L2's flag, and a virtual NMI stays behind V_GIF meanwhile. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void virtualGifLeavesPhysicalInterruptsAlone(Way way) {
        String body = """
                host:   call gate
                        mov dword [VMCB + 0x60], 0x06000800     ; V_GIF_ENABLE, V_NMI_ENABLE, V_NMI
                        or dword [VMCB + 0x0c], 2               ; NMI
                        mov dword [PDPT + 24], 0xc0000087       ; the local APIC
                        mov edi, 0xfee00000
                        mov dword [rdi + 0xf0], 0x1ff
                        mov dword [rdi + 0x300], 0x40020        ; an interrupt for itself
                        call enter
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        jmp end
                guest:  mov ebx, 1
                        nop
                        sti
                        nop
                        nop
                        mov [RESULT + 16], rbx
                        vmmcall
                handler: mov [RESULT + 24], rbx
                        mov ebx, 2
                        iretq
                """;
        assertThat(run("EPYC-Genoa", "", way, 4, body)).containsExactly(ExitCode.VMMCALL.code(), 0x06000800L, 2L, 1L);
    }

    /** The filter lets PAUSE through as often as its count says; pauses that are far apart fill it up again. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void thePauseFilterCounts(Way way) {
        String body = """
                host:   mov dword [VMCB + 0x0c], 0x80800000     ; SHUTDOWN, PAUSE
                        mov word [VMCB + 0x3e], 5
                        call enter
                        mov [RESULT + 16], rbx
                        mov dword [SAVE + 0x178], spread
                        mov word [VMCB + 0x3c], 20
                        call enter
                        jmp end
                guest:  mov ecx, 100
                        xor ebx, ebx
                again:  pause
                        inc ebx
                        loop again
                        vmmcall
                spread: mov ecx, 100
                wait:   pause
                        mov edx, 30
                delay:  dec edx
                        jnz delay
                        loop wait
                        vmmcall
                """;
        assertThat(run(way, 3, body)).containsExactly(ExitCode.PAUSE.code(), ExitCode.VMMCALL.code(), 5L);
    }

    /** DEBUGCTL and the last branch of L2 are the VMCB's, and L1 finds its own again. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void lastBranchesChangeWithTheWorld(Way way) {
        String body = """
                host:   mov dword [VMCB + 0xb8], 1      ; LBR virtualization
                        mov dword [SAVE + 0x270], 1     ; DEBUGCTL.LBR
                        mov ecx, 0x1d9
                        mov eax, 1
                        xor edx, edx
                        wrmsr
                here:   jmp there
                        nop
                there:  xor eax, eax
                        wrmsr
                        mov eax, 2
                        wrmsr
                        call enter
                        mov ecx, 0x1d9
                        rdmsr
                        mov [r15], rax
                        mov ecx, 0x1db
                        rdmsr
                        sub eax, here
                        mov [r15 + 8], rax
                        mov rax, [SAVE + 0x278]
                        sub eax, from
                        mov [r15 + 16], rax
                        mov rax, [SAVE + 0x280]
                        sub eax, to
                        mov [r15 + 24], rax
                        mov rax, [SAVE + 0x270]
                        mov [r15 + 32], rax
                        jmp end
                guest:  nop
                from:   jmp to
                        nop
                to:     vmmcall
                """;
        assertThat(run(way, 6, body)).containsExactly(ExitCode.VMMCALL.code(), 2L, 0L, 0L, 0L, 1L);
    }

    /** L2's time is L1's times the ratio, plus the offset. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void theRatioScalesTheTimeOfL2(Way way) {
        String body = """
                host:   mov ecx, 0x10                   ; the time-stamp counter is not the silicon's
                        mov eax, 0x10000000
                        xor edx, edx
                        wrmsr
                        mov ecx, 0xc0000104
                        xor eax, eax
                        mov edx, 4
                        wrmsr
                        mov dword [VMCB + 0x50], 0x1000
                        rdtsc
                        mov [RESULT + 16], eax
                        call enter
                        rdtsc
                        mov [RESULT + 24], eax
                        mov ecx, 0xc0000104
                        rdmsr
                        mov [RESULT + 32], edx
                        jmp end
                guest:  rdtsc
                        mov [RESULT + 8], eax
                        vmmcall
                """;
        List<Long> results = run(way, 5, body);
        assertThat(results.get(0)).isEqualTo(ExitCode.VMMCALL.code());
        assertThat(results.get(1)).isBetween(4 * results.get(2) + 0x1000, 4 * results.get(3) + 0x1000);
        assertThat(results.get(4)).isEqualTo(4);
    }

    /** A virtual NMI comes without a second one until IRET; L1 intercepts the physical ones. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void virtualNmisComeOneByOne(Way way) {
        String body = """
                host:   call gate
                        mov rax, [idt + 0x200]
                        mov [idt + 0x20], rax
                        or dword [VMCB + 0x0c], 2               ; NMI
                        mov dword [VMCB + 0x60], 0x04000800     ; V_NMI_ENABLE, V_NMI
                        call enter                              ; in the handler
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        add r15, 8
                        or dword [VMCB + 0x60], 0x800
                        call skip
                        call enter                              ; still in it, behind which the second one comes
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        add r15, 8
                        call skip
                        call enter
                        mov [r15], rbx
                        jmp end
                guest:  vmmcall
                        hlt
                handler: inc ebx
                        cmp ebx, 2
                        je twice
                        vmmcall
                        nop
                        vmmcall
                twice:  iretq
                """;
        assertThat(run("EPYC-Genoa", "", way, 6, body.replace("call gate", "xor ebx, ebx\ncall gate")))
                .containsExactly(ExitCode.VMMCALL.code(), 0x04001000L, ExitCode.VMMCALL.code(), 0x04001800L, 0x81L, 2L);
    }

    /** HLT behind STI ends by the virtual interrupt that waits. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void aVirtualInterruptEndsHalt(Way way) {
        String body = """
                host:   call gate
                        mov dword [VMCB + 0x60], 0x010f0100     ; V_INTR_MASKING, V_PRIO, V_IRQ
                        mov byte [VMCB + 0x64], 0x20
                        call enter
                        jmp end
                guest:  mov ebx, 1
                        sti
                        hlt
                        mov [RESULT + 8], rbx
                        vmmcall
                handler: mov ebx, 2
                        iretq
                """;
        assertThat(run(way, 2, body)).containsExactly(ExitCode.VMMCALL.code(), 2L);
    }

    /** STGI and CLGI act on V_GIF while an interrupt of L1's waits for L2 to open its flag. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void virtualGifChangesWhileAnInterruptWaits(Way way) {
        String body = """
                host:   mov dword [VMCB + 0x60], 0x02000000     ; V_GIF_ENABLE
                        mov dword [PDPT + 24], 0xc0000087       ; the local APIC
                        mov edi, 0xfee00000
                        mov dword [rdi + 0xf0], 0x1ff
                        mov dword [rdi + 0x300], 0x40020        ; an interrupt for itself
                        call enter
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        add r15, 8
                        call skip
                        call enter
                        mov eax, [VMCB + 0x60]
                        mov [r15], rax
                        jmp end
                guest:  stgi
                        vmmcall
                        clgi
                        vmmcall
                """;
        assertThat(run(way, 4, body))
                .containsExactly(ExitCode.VMMCALL.code(), 0x02000200L, ExitCode.VMMCALL.code(), 0x02000000L);
    }

    /** An NMI that L1's own NMI handler blocks does not leave L2; it comes when the handler has returned. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void aBlockedNmiDoesNotLeaveL2(Way way) {
        String body = """
                host:   xor ebx, ebx
                        call gate
                        mov rax, [idt + 0x200]
                        mov [idt + 0x20], rax
                        or dword [VMCB + 0x0c], 2               ; NMI
                        mov dword [PDPT + 24], 0xc0000087       ; the local APIC
                        mov edi, 0xfee00000
                        mov dword [rdi + 0x310], 0
                        mov dword [rdi + 0x300], 0x400          ; an NMI for itself
                        nop
                        nop
                        mov [r15], rbx
                        jmp end
                guest:  nop
                        vmmcall
                handler: inc ebx
                        cmp ebx, 2
                        je twice
                        mov dword [rdi + 0x300], 0x400
                        call enter
                        stgi
                twice:  iretq
                """;
        assertThat(run(way, 2, body)).containsExactly(ExitCode.VMMCALL.code(), 2L);
    }

    /** An NMI that L1 injects blocks no other: the next physical one leaves L2 from within the handler. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void anInjectedNmiBlocksNone(Way way) {
        String body = """
                host:   call gate
                        mov rax, [idt + 0x200]
                        mov [idt + 0x20], rax
                        or dword [VMCB + 0x0c], 2               ; NMI
                        mov dword [VMCB + 0xa8], 0x80000202     ; EVENTINJ: an NMI
                        mov dword [PDPT + 24], 0xc0000087       ; the local APIC
                        mov dword [N3 + 24], 0xc0000087
                        mov edi, 0xfee00000
                        call enter
                        jmp end
                guest:  vmmcall
                handler: mov dword [rdi + 0x310], 0
                        mov dword [rdi + 0x300], 0x400          ; an NMI for itself
                        nop
                        vmmcall
                """;
        assertThat(run(way, 1, body)).containsExactly(ExitCode.NMI.code());
    }

    /** L1's flag lets an interrupt in that L1 does not intercept: it comes behind L2's shadow ("Interrupt Shadows"). */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void anInterruptWaitsForTheEndOfTheShadow(Way way) {
        String body = """
                host:   call gate
                        mov dword [VMCB + 0x60], 0x01000000     ; V_INTR_MASKING
                        mov dword [VMCB + 0x68], 1              ; L2 is in a shadow
                        mov dword [PDPT + 24], 0xc0000087       ; the local APIC
                        mov edi, 0xfee00000
                        mov dword [rdi + 0xf0], 0x1ff
                        clgi
                        mov dword [rdi + 0x300], 0x40020        ; an interrupt for itself
                        xor ebx, ebx
                        sti
                        call enter
                        jmp end
                guest:  inc ebx
                        inc ebx
                        inc ebx
                        vmmcall
                handler: mov [RESULT + 8], rbx
                        iretq
                """;
        assertThat(run(way, 2, body)).containsExactly(ExitCode.VMMCALL.code(), 1L);
    }

    /** What L1's processor lacks is #UD in L2, intercepted or not, though the silicon has it. */
    @ParameterizedTest
    @EnumSource(names = {"BARE", "BARE_TDP", "SHADOW_ON_TDP", "NESTED_TDP", "SHADOW_ON_SHADOW"})
    void anInstructionThatL1LacksIsUndefinedInL2(Way way) {
        String body = """
                host:   mov byte [VMCB + 8], 0x40       ; #UD
                        or dword [VMCB + 0x10], 0x40c0  ; SKINIT, RDTSCP, RDPRU
                        mov dword [VMCB + 0x14], 4      ; INVPCID
                        mov dword [SAVE + 0x178], tscp
                        call enter
                        mov dword [SAVE + 0x178], init
                        call enter
                        mov dword [SAVE + 0x178], pru
                        call enter
                        mov dword [SAVE + 0x178], pcid
                        call enter
                        mov eax, [VMCB + 0x10]
                        mov [r15], rax
                        jmp end
                guest:
                tscp:   rdtscp
                        vmmcall
                init:   db 0x0f, 0x01, 0xde             ; SKINIT
                        vmmcall
                pru:    db 0x0f, 0x01, 0xfd             ; RDPRU
                        vmmcall
                pcid:   xor eax, eax
                        db 0x66, 0x0f, 0x38, 0x82, 0x04, 0x25
                        dd OTHER                        ; INVPCID RAX, [OTHER]
                        vmmcall
                """;
        long undefined = ExitCode.EXCP.code() + 6;
        assertThat(run(Vendor.SVM.model, ",-rdtscp,-skinit,-rdpru,-invpcid", way, 5, body))
                .containsExactly(undefined, undefined, undefined, undefined, 0x40c3L);
    }
}
