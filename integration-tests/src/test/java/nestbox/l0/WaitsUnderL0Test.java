package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Test;

/** A guest under L0 that spins sees the virtual time of bare silicon, and its events at the same tick. */
class WaitsUnderL0Test {
    /** Ten rounds of a spin loop between two RDTSC, then a spin until a timer interrupt; tells both times as one number. */
    private static final String SPINS = Guest32.START + """
                mov eax, handler
                mov [0x200200], ax
                mov word [0x200202], 8
                mov word [0x200204], 0x8e00
                shr eax, 16
                mov [0x200206], ax
                mov ecx, 10
                rdtsc
                mov esi, eax
            spin:
                pause
                dec ecx
                jnz spin
                rdtsc
                sub eax, esi
                mov esi, eax
                mov ebx, 0xfee00000
                mov dword [ebx + 0x3e0], 0xb
                mov dword [ebx + 0x320], 0x40
                sti
                nop
                rdtsc
                mov edi, eax
                mov dword [ebx + 0x380], 5000
            again:
                pause
                jmp again
            handler:
                rdtsc
                sub eax, edi
                shl eax, 10
                or eax, esi
                mov dx, 0xf4
                out dx, eax
                hlt
            """;

    private static long run(NestboxConfiguration configuration) {
        Nestbox lab = Nestbox.create(configuration);
        lab.load(new ImageFile("spins", Asm.assemble(32, 0x100000, SPINS)), "");
        Outcome outcome = lab.run(100_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return outcome.code();
    }

    @Test
    void timeIsTheSame() {
        int spin = 2 + 10 * (64 + 2);
        int timer = 5000 + 3;
        for (NestboxConfiguration configuration : List.of(
                NestboxConfiguration.bareSilicon(),
                NestboxConfiguration.nested(),
                NestboxConfiguration.nestedOnShadow())) {
            long value = run(configuration);
            assertThat(value & 1023).as("%s", configuration).isEqualTo(spin);
            assertThat(value >>> 10).as("%s", configuration).isEqualTo(timer);
        }
    }
}
