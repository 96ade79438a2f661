package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * System-management mode, real-address mode and virtual-8086 mode of a guest of L0, on Intel's silicon with unrestricted guest, without it
 * (Nehalem) and without EPT (Penryn): what is printed is what the manual says and bare silicon prints.
 */
class OldModesUnderL0Test {
    private static final long LIMIT = 2_000_000;
    private static final String MODELS = """
            Skylake-Server,+vmx | NONE
            Skylake-Server,+vmx | TDP
            Skylake-Server,+vmx | SHADOW
            Nehalem,+vmx        | TDP
            Nehalem,+vmx        | SHADOW
            Penryn,+vmx         | NONE
            Penryn,+vmx         | SHADOW
            """;

    /** 32-bit code with paging by 4-MiB pages, each mapped to itself; the code at label "low" is copied to 7000h before. */
    private static final String HEAD = """
            dd 0x1badb002, 0x10000, 0xe4514ffe, 0x100000, 0x100000, 0, 0, start
            align 8
            gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
                    dq 0x00009b007000ffff, 0x000093000000ffff
            tss:    dw 0x67, 0x6000
                    db 0, 0x89, 0, 0
            gdtr:   dw 47
                    dd gdt
            start:
                mov esp, 0x300000
                lgdt [gdtr]
                jmp 8:.flat
            .flat:
                mov eax, 16
                mov ds, eax
                mov es, eax
                mov ss, eax
                mov esi, low
                mov edi, 0x7000
                mov ecx, low.end - low
                rep movsb
                mov edi, 0x200000
                mov eax, 0x87
                mov ecx, 1024
            .entry:
                stosd
                add eax, 0x400000
                loop .entry
                mov eax, 0x10
                mov cr4, eax
                mov eax, 0x200000
                mov cr3, eax
                mov eax, 0x80010011
                mov cr0, eax
                jmp main
            print:
                push edx
                mov edx, 0x3f8
                out dx, al
                pop edx
                ret
            finish:
                xor eax, eax
                out 0xf4, eax
                hlt
            """;

    private static String printed(String cpu, L0Mode mode, String source) {
        return printed(cpu, mode, Asm.assemble(32, 0x100000, HEAD + source));
    }

    private static String printed(String cpu, L0Mode mode, byte[] image) {
        StringBuilder serial = new StringBuilder();
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .l0(mode)
                .memoryBytes(16 << 20)
                .build();
        Nestbox lab = Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                serial(new java.io.OutputStream() {
                    @Override
                    public void write(int value) {
                        serial.append((char) (value & 0xff));
                    }
                });
            }
        });
        lab.load(new ImageFile("guest", image), "");
        Outcome outcome = lab.run(LIMIT);
        assertThat(outcome.kind()).as("%s, having printed %s", outcome, serial).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return serial.toString();
    }

    /** A BIOS of 64 KiB: only where one stands in for the machine's own firmware does an SMI reach SMM. */
    private static final String BIOS = """
            bits 16
            start:
                cli
                lgdt [cs:gdtr - 0xf0000]
                mov eax, cr0
                or al, 1
                mov cr0, eax
                jmp dword 8:flat
                align 8
            gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
            gdtr:   dw 23
                    dd gdt
            bits 32
            flat:
                mov eax, 16
                mov ds, eax
                mov es, eax
                mov ss, eax
                mov esp, 0x280000
                mov esi, handler
                mov edi, 0x38000
                mov ecx, handler.end - handler
                rep movsb
            """ + Guest32.IDENTITY + """
                mov dword [0xfee000f0], 0x1ff
                mov ebx, 0x12345678
                mov ebp, 2
                mov edx, 0x3f8
            .again:
                mov dword [0xfee00310], 0
                mov dword [0xfee00300], 0x4200
            .wait:
                cmp byte [0x5000], 'S'
                jne .wait
                mov byte [0x5000], 0
                mov al, '1'
                cmp ebx, 0x12345678
                je .kept
                mov al, '!'
            .kept:
                out dx, al
                mov eax, cr0
                shr eax, 31
                add al, '0'
                out dx, al
                dec ebp
                jnz .again
                xor eax, eax
                out 0xf4, eax
                hlt
            handler:
            bits 16
                mov eax, cr0
                shr eax, 31
                add al, 'p'
                mov dx, 0x3f8
                out dx, al
                mov ebx, 7
                mov byte [0x5000], 'S'
                rsm
            .end:
                org 0xffff0
            reset:
                jmp 0xf000:0
                times 11 db 0
            """;

    /**
     * SDM Vol. 3, "System Management Mode": an SMI takes the processor to 8000h above SMBASE, without paging; RSM brings registers
     * and paging back.
     */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = MODELS)
    void anSmiAndRsm(String cpu, L0Mode mode) {
        assertThat(printed(cpu, mode, Asm.assemble(32, 0xf0000, BIOS))).isEqualTo("p11p11");
    }

    /** SDM Vol. 3, "8086 Emulation": interrupts by the table at 0, segments by their selectors, and the way back. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = MODELS)
    void realAddressMode(String cpu, L0Mode mode) {
        assertThat(printed(cpu, mode, """
            main:
                mov eax, cr0
                and eax, 0x7fffffff
                mov cr0, eax
                mov word [0x40 * 4], low.handler - low
                mov word [0x40 * 4 + 2], 0x700
                mov word [0], low.divide - low
                mov word [2], 0x700
                mov byte [0x12345], 'M'
                jmp 24:0
            low:
                bits 16
                mov ax, 32
                mov ds, ax
                mov ss, ax
                mov eax, cr0
                and al, 0xfe
                mov cr0, eax
                jmp 0x700:.real - low
            .real:
                mov ax, 0x1000
                mov ds, ax
                mov al, [0x2345]
                mov dx, 0x3f8
                out dx, al
                xor ax, ax
                mov ss, ax
                mov sp, 0x6800
                int 0x40
                mov ax, 5
                xor cl, cl
                div cl
                mov al, 'b'
                out dx, al
                push cs
                pop es
                mov di, .space - low
                mov cx, 3
                mov al, 'x'
                cld
                rep stosb
                mov al, [es:di - 1]
                out dx, al
                mov eax, cr0
                or al, 1
                mov cr0, eax
                jmp dword 8:.back - low + 0x7000
            .handler:
                mov al, 'I'
                out dx, al
                iret
            .divide:
                mov al, 'D'
                out dx, al
                push bp
                mov bp, sp
                add word [bp + 2], 2
                pop bp
                iret
            .space:
                db 0, 0, 0
                bits 32
            .back:
                mov eax, 16
                mov ds, eax
                mov ss, eax
                mov esp, 0x300000
                mov eax, finish
                jmp eax
            .end:
            """)).isEqualTo("MIDbx");
    }

    /** SDM Vol. 3, "Virtual-8086 Mode": INT n with IOPL 3 goes through the IDT, HLT is #GP(0); the handler sees VM in the image of EFLAGS. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = MODELS)
    void virtual8086Mode(String cpu, L0Mode mode) {
        assertThat(printed(cpu, mode, """
            main:
                mov dword [0x6000 + 4], 0x300000
                mov word [0x6000 + 8], 16
                mov word [0x6000 + 0x66], 0x68
                mov eax, 40
                ltr ax
                mov eax, interrupt
                mov ebx, 0x4000 + 0x21 * 8
                call gate
                mov eax, protection
                mov ebx, 0x4000 + 13 * 8
                call gate
                lidt [idtr]
                push 0
                push 0
                push 0
                push 0x600
                push 0
                push 0x700
                push 0x23002
                push 0x700
                push 0
                iretd
            gate:
                mov [ebx], ax
                mov word [ebx + 2], 8
                mov word [ebx + 4], 0xee00
                shr eax, 16
                mov [ebx + 6], ax
                ret
            idtr:
                dw 0x7ff
                dd 0x4000
            interrupt:
                test dword [esp + 8], 0x20000
                mov al, 'v'
                jnz .is
                mov al, '!'
            .is:
                call print
                iretd
            protection:
                mov al, 'G'
                call print
                cmp dword [esp], 0
                jne finish
                mov al, [esp + 8]
                add al, 'A'
                call print
                jmp finish
            low:
                bits 16
                mov ax, 0x1234
                push ax
                int 0x21
                pop bx
                mov ax, cs
                mov ds, ax
                cmp bx, 0x1234
                jne .end
                cmp word [.word - low], 0x5678
                jne .end
                hlt
            .word:
                dw 0x5678
            .end:
                ud2
            """)).isEqualTo("vGA");
    }
}
