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
 * A guest whose stack lies in its own page directory, which L0 shadows and protects: the delivery of each event needs emulation, and
 * each event comes once.
 */
class EventOnTablesTest {
    private static final String GUEST = """
            dd 0x1BADB002, 0x10000, 0xE4514FFE
            dd 0x100000, 0x100000, 0, 0, start
            align 8
            gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
            gdt_pointer: dw 23
                dd gdt
            idt_pointer: dw 0x7ff
                dd 0x300000
            gate:                       ; vector EDX gets to EAX
                mov [0x300000 + edx * 8], ax
                mov word [0x300002 + edx * 8], 8
                mov word [0x300004 + edx * 8], 0x8e00
                shr eax, 16
                mov [0x300006 + edx * 8], ax
                ret
            start:
                mov esp, 0x280000
                lgdt [gdt_pointer]
                lidt [idt_pointer]
                mov edx, 0x80
                mov eax, on_int
                call gate
                mov edx, 6
                mov eax, on_ud
                call gate
                mov edx, 2
                mov eax, on_nmi
                call gate
                mov edx, 0x40
                mov eax, on_interrupt
                call gate
                mov dword [0x200000], 0x83
                mov dword [0x200fec], 0xfec0009b
                mov eax, 0x10
                mov cr4, eax
                mov eax, 0x200000
                mov cr3, eax
                mov eax, cr0
                or eax, 0x80010000
                mov cr0, eax
                mov ebx, 0xfee00000
                mov dword [ebx + 0xf0], 0x1ff
                mov esp, 0x200a00
                xor ecx, ecx
                int 0x80
                ud2
                mov dword [ebx + 0x310], 0
                mov dword [ebx + 0x300], 0x400
                nop
                sti
                mov dword [ebx + 0x300], 0x40040
                nop
                nop
                cli
                int 0x80
                mov eax, ecx
                mov dx, 0xf4
                out dx, eax
                hlt
            on_int:
                add ecx, 1
                iret
            on_ud:
                add ecx, 0x10
                add dword [esp], 2
                iret
            on_nmi:
                add ecx, 0x100
                iret
            on_interrupt:
                add ecx, 0x1000
                mov dword [ebx + 0xb0], 0
                iret
            """;

    @ParameterizedTest
    @CsvSource({
        "EPYC-Milan, NONE",
        "EPYC-Milan, SHADOW",
        "EPYC-Milan, TDP",
        "'max,+vmx', NONE",
        "'max,+vmx', SHADOW",
        "'max,+vmx', TDP"
    })
    void eachComesOnce(String cpu, L0Mode l0) {
        Nestbox lab = Nestbox.create(
                NestboxConfiguration.bareSilicon().toBuilder().cpu(cpu).l0(l0).build());
        lab.load(new ImageFile("events", Asm.assemble(32, 0x100000, GUEST)), "");
        Outcome outcome = lab.run(100_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(outcome.code()).isEqualTo(0x1112);
    }
}
