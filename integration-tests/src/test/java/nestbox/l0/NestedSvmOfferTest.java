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
import nestbox.svm.vmcb.ExitCode;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What L0 offers L1 of SVM beyond the basics does what the silicon does (APM Vol. 2, "Secure Virtual Machine"). */
class NestedSvmOfferTest {
    private static final long RESULT = 0x309000;
    private static final long LIMIT = 1_000_000;

    /** Runs an L1 with its L2; the first {@code count} results. */
    private static List<Long> run(Way way, int count, String body) {
        return run(Vendor.SVM.model, way, count, body);
    }

    private static List<Long> run(String model, Way way, int count, String body) {
        Nestbox lab = Nestbox.create(EntryLab.configuration(Vendor.SVM, way).toBuilder()
                .cpu(model)
                .guestCpu(way.mode == nestbox.modules.L0Mode.NONE ? "" : model)
                .build());
        String source = "NPT equ " + (way.tdp ? 1 : 0) + "\n" + common() + body + "\nalign 16\nidt:\n";
        lab.load(new ImageFile("svm64", Asm.program(32, 0x100000, source).bytes()), "");
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
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
}
