package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Assembly;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest of AMD's silicon that records its last branch finds it, whatever runs it (APM Vol. 2, "Last Branch Record"). */
class LastBranchTest {
    private static final long RESULT = 0x300000;

    private static final Assembly PROGRAM = Asm.program(32, 0x100000, """
                    org 0x100000
            header: dd 0x1badb002
                    dd 0x00010000
                    dd 0xe4514ffe
                    dd header, header, 0, 0, start
            start:  mov ecx, 0x1d9
                    mov eax, 1
                    xor edx, edx
                    wrmsr
            from:   jmp to
                    nop
            to:     xor eax, eax
                    wrmsr
                    mov ecx, 0x1db
                    rdmsr
                    mov [0x300000], eax
                    inc ecx
                    rdmsr
                    mov [0x300004], eax
                    mov ecx, 0x1d9
                    rdmsr
                    mov [0x300008], eax
                    xor eax, eax
                    out 0xf4, eax
                    hlt
            """);

    @ParameterizedTest
    @EnumSource(L0Mode.class)
    void theLastBranchIsRecorded(L0Mode mode) {
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu("EPYC-Milan,+svm")
                .l0(mode)
                .build();
        Nestbox lab = Nestbox.create(configuration);
        lab.load(new ImageFile("lbr", PROGRAM.bytes()), "");
        assertThat(lab.run(100_000).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(List.of(
                        lab.machine().memory().read(RESULT, 4),
                        lab.machine().memory().read(RESULT + 4, 4),
                        lab.machine().memory().read(RESULT + 8, 4)))
                .containsExactly(PROGRAM.address("from"), PROGRAM.address("to"), 0L);
    }
}
