package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Test;

/** The page by which a guest without paging runs where the silicon has no unrestricted guest lies in its memory, and is saved. */
class IdentityMapTest {
    private static final String GUEST = """
            dd 0x1BADB002, 0x10000, 0xE4514FFE
            dd 0x100000, 0x100000, 0, 0, start
            start:
                mov dword [0xfeffcff8], 0x71
                nop
                nop
                mov eax, [0xfeffcff8]
                mov dx, 0xf4
                out dx, eax
                hlt
            """;

    private static Nestbox lab() {
        Nestbox lab = Nestbox.create(NestboxConfiguration.bareSilicon().toBuilder()
                .cpu("Nehalem,+vmx,-vmx-unrestricted-guest")
                .guestCpu("Nehalem")
                .l0(L0Mode.TDP)
                .build());
        lab.load(new ImageFile("identity", Asm.assemble(32, 0x100000, GUEST)), "");
        return lab;
    }

    @Test
    void whatTheGuestWritesThereMovesWithIt() {
        Nestbox lab = lab();
        while (lab.machine().cpu(0).rip != 0x100020 + 10) {
            assertThat(lab.run(1).kind()).isEqualTo(Outcome.Kind.LIMIT);
        }
        StateWriter out = new StateWriter();
        lab.machine().save(out);
        Nestbox other = lab();
        other.machine().restore(new StateReader(out.toByteArray()));
        Outcome outcome = other.run(100);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(outcome.code()).isEqualTo(0x71);
    }
}
