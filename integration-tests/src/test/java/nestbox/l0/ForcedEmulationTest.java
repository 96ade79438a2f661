package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * KVM's force_emulation_prefix: what L0 emulates meets the guest's instruction breakpoints as silicon has them, and pending x87
 * exceptions as L0's own CR0 has them.
 */
class ForcedEmulationTest {
    private static final long HITS = 0x400000;

    /** Breaks on the instruction at {@code target}; #DB counts and sets RF for the return. */
    private static final String PROGRAM = Guest32.START + """
                mov eax, debug
                mov [0x200008], ax
                mov word [0x20000a], 8
                mov word [0x20000c], 0x8e00
                shr eax, 16
                mov [0x20000e], ax
                mov eax, target
                mov dr0, eax
                mov eax, 1
                mov dr7, eax
                mov ecx, 0x10
                BEFORE
                ud2
                db "kvm"
            target:
                mov ebx, 5
                mov [0x400008], ebx
                xor eax, eax
                mov dx, 0xf4
                out dx, eax
                hlt
            debug:
                inc dword [0x400000]
                mov eax, dr6
                mov [0x400004], eax
                or dword [esp + 8], 0x10000
                iret
            """;

    @ParameterizedTest
    @CsvSource({
        "'max,+vmx', 'mov ds, cx', TDP, 1",
        "'max,+vmx', 'mov ss, cx', TDP, 0",
        "'max,+vmx', 'mov ds, cx', SHADOW, 1",
        "EPYC, 'mov ds, cx', TDP, 1",
        "EPYC, 'mov ss, cx', TDP, 1",
        "EPYC, 'mov ss, cx', SHADOW, 1"
    })
    void breakpointsOfTheEmulatedInstruction(String cpu, String before, L0Mode mode, int expected) {
        Nestbox lab = run(cpu, mode, PROGRAM.replace("BEFORE", before));
        assertThat(lab.machine().memory().read(HITS, 4)).as("#DB").isEqualTo(expected);
        assertThat(lab.machine().memory().read(HITS + 4, 4) & 15).as("DR6").isEqualTo(expected);
        assertThat(lab.machine().memory().read(HITS + 8, 4)).as("executed").isEqualTo(5);
    }

    /** 0 / 0 with all exceptions unmasked and CR0.NE clear, then an MMX instruction that L0 emulates. */
    private static final String NUMERIC_ERROR = Guest32.START + """
                mov eax, error
                mov [0x200080], ax
                mov word [0x200082], 8
                mov word [0x200084], 0x8e00
                shr eax, 16
                mov [0x200086], ax
                mov eax, cr0
                and eax, 0xffffffd1
                mov cr0, eax
                fninit
                fldcw [0x400010]
                fldz
                fldz
                fdivp
                BEFORE
                ud2
                db "kvm"
                movq [0x400008], mm0
            done:
                xor eax, eax
                mov dx, 0xf4
                out dx, eax
                hlt
            error:
                inc dword [0x400000]
                fnclex
                jmp done
            """;

    /** KVM's emulator looks for a pending x87 exception with CR0.NE = 1 (flush_pending_x87_faults). */
    @ParameterizedTest
    @CsvSource({
        "'max,+vmx', TDP, nop, 1",
        "'max,+vmx', SHADOW, nop, 1",
        "EPYC, TDP, nop, 1",
        "EPYC, SHADOW, nop, 1",
        "EPYC, TDP, fnclex, 0"
    })
    void pendingNumericErrorOfTheEmulatedInstruction(String cpu, L0Mode mode, String before, int expected) {
        Nestbox lab = run(cpu, mode, NUMERIC_ERROR.replace("BEFORE", before));
        assertThat(lab.machine().memory().read(HITS, 4)).as("#MF").isEqualTo(expected);
    }

    private static Nestbox run(String cpu, L0Mode mode, String program) {
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .l0(mode)
                .hypervisor(l0 -> l0.forcedEmulation(true))
                .build();
        Nestbox lab = Nestbox.create(configuration);
        lab.load(new ImageFile("forced", Asm.assemble(32, 0x100000, program)), "");
        Outcome outcome = lab.run(100_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return lab;
    }
}
