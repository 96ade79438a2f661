package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AsmTest {
    private static String hex(int bits, String source) {
        return HexFormat.ofDelimiter(" ").formatHex(Asm.assemble(bits, 0x1000, source));
    }

    /** Encodings from the manual's opcode pages, worked out by hand. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "64 | mov rax, [rbx+rcx*4+8]      | 48 8b 44 8b 08",
                "64 | mov eax, 1                  | b8 01 00 00 00",
                "64 | mov rax, -1                 | 48 c7 c0 ff ff ff ff",
                "64 | mov rax, 0x1122334455667788 | 48 b8 88 77 66 55 44 33 22 11",
                "64 | out 0xf4, al                | e6 f4",
                "64 | mov byte [rax], 1           | c6 00 01",
                "64 | add rsp, 8                  | 48 83 c4 08",
                "64 | add eax, 0x12345            | 05 45 23 01 00",
                "64 | xchg eax, eax               | 87 c0",
                "64 | xchg r8, rax                | 49 90",
                "64 | push rax                    | 50",
                "64 | push word 1                 | 66 6a 01",
                "64 | push 0x1234                 | 68 34 12 00 00",
                "64 | mov sil, 1                  | 40 b6 01",
                "64 | mov ah, 1                   | b4 01",
                "64 | lock cmpxchg16b [rdi]       | f0 48 0f c7 0f",
                "64 | rep movsq                   | f3 48 a5",
                "64 | iretq                       | 48 cf",
                "64 | retfq                       | 48 cb",
                "64 | mov cr8, rax                | 44 0f 22 c0",
                "64 | mov rax, cr3                | 0f 20 d8",
                "64 | lgdt [0x1000]               | 0f 01 14 25 00 10 00 00",
                "64 | mov eax, [rel 0x1006]       | 8b 05 00 00 00 00",
                "64 | mov rax, [fs:0x28]          | 64 48 8b 04 25 28 00 00 00",
                "64 | jmp far dword [rax]         | ff 28",
                "64 | jmp far qword [rax]         | 48 ff 28",
                "64 | movd xmm1, eax              | 66 0f 6e c8",
                "64 | movq xmm1, rax              | 66 48 0f 6e c8",
                "64 | movsd xmm1, xmm2            | f2 0f 10 ca",
                "64 | cvtsi2sd xmm0, rax          | f2 48 0f 2a c0",
                "64 | fld tword [rax]             | db 28",
                "64 | faddp                       | de c1",
                "64 | fstsw ax                    | 9b df e0",
                "64 | andn eax, ebx, ecx          | c4 e2 60 f2 c1",
                "64 | shlx r8, [r9], r10          | c4 42 a9 f7 01",
                "64 | xsave64 [rax]               | 48 0f ae 20",
                "64 | sysretq                     | 48 0f 07",
                "64 | invlpg [rax]                | 0f 01 38",
                "64 | mov ds, eax                 | 8e d8",
                "64 | mov eax, [ebx]              | 67 8b 03",
                "64 | mov al, [qword 0x1122334455667788] | a0 88 77 66 55 44 33 22 11",
                "64 | mov rax, [r12]              | 49 8b 04 24",
                "64 | mov rax, [r13]              | 49 8b 45 00",
                "64 | nop dword [rax]             | 0f 1f 00",
                "64 | endbr64                     | f3 0f 1e fa",
                "64 | pause                       | f3 90",
                "64 | in eax, dx                  | ed",
                "64 | imul eax, ebx, 5            | 6b c3 05",
                "64 | enter 16, 1                 | c8 10 00 01",
                "64 | bt dword [rax], 3           | 0f ba 20 03",
                "64 | popfq                       | 9d",
                "64 | vmmcall                     | 0f 01 d9",
                "64 | test eax, [rbx]             | 85 03",
                "64 | xchg rax, [rbx]             | 48 87 03",
                "64 | jmp $                       | eb fe",
                "32 | lgs ecx, [eax]              | 0f b5 08",
                "64 | movabs rax, 1               | 48 c7 c0 01 00 00 00",
                "32 | jmp 0x08:0x12345678         | ea 78 56 34 12 08 00",
                "32 | inc eax                     | 40",
                "32 | mov eax, [0x1234]           | a1 34 12 00 00",
                "32 | mov ax, [bx+si]             | 67 66 8b 00",
                "32 | pushad                      | 60",
                "32 | push es                     | 06",
                "16 | mov ax, [bp+2]              | 8b 46 02",
                "16 | mov ax, [es:0x1234]         | 26 a1 34 12",
                "16 | mov eax, cr0                | 0f 20 c0",
                "16 | jmp dword 0x08:0x12345678   | 66 ea 78 56 34 12 08 00",
                "16 | o32 lgdt [0x7c00]           | 66 0f 01 16 00 7c",
                "16 | mov eax, [ecx+4]            | 67 66 8b 41 04",
                "16 | int 0x10                    | cd 10",
                "16 | a32 lodsb                   | 67 ac",
                "16 | cs lodsb                    | 2e ac",
            })
    void encodings(int bits, String source, String expected) {
        assertThat(hex(bits, source)).isEqualTo(expected);
    }

    @Test
    void labelsBranchesAndData() {
        String source = """
                bits 16
                text    equ start + 2
                start:  jmp short .over     ; a comment
                        db 'Hi', 0
                .over:
                bits 64
                .loop:  dec ecx
                        jnz .loop
                        call far_away
                        lea rax, [rel text]
                size    equ $ - start
                        dw size
                        align 16, db 0
                        times 130 nop
                far_away: ret
                        jmp start
                        dq far_away
                """;
        Assembly program = Asm.program(64, 0x1000, source);
        byte[] code = program.bytes();
        assertThat(code).startsWith(0xeb, 0x03, 'H', 'i', 0, 0xff, 0xc9, 0x75, 0xfc, 0xe8);
        assertThat(program.address("start.over")).isEqualTo(0x1005);
        assertThat(program.address("far_away") % 16).isEqualTo(130 % 16);
        int at = (int) program.address("far_away") - 0x1000;
        assertThat(code[at] & 0xff).isEqualTo(0xc3);
        assertThat(code[at + 1] & 0xff).isEqualTo(0xe9);
        assertThat(code.length).isEqualTo(at + 1 + 5 + 8);
    }

    @Test
    void callsGiveTheSameAsText() {
        byte[] calls = new Asm(64, 0)
                .label("top")
                .ins("mov", "rax", 5)
                .ins("lock add", "[rbx]", "rax")
                .ins("jmp", "top")
                .align(16)
                .dd(1, 2)
                .assemble()
                .bytes();
        assertThat(calls).isEqualTo(Asm.assemble(64, 0, """
                top: mov rax, 5
                lock add [rbx], rax
                jmp top
                align 16
                dd 1, 2
                """));
    }

    @Test
    void bootSectorPadding() {
        byte[] code = Asm.assemble(16, 0x7c00, "hlt\ntimes 510-($-$$) db 0\ndw 0xaa55");
        assertThat(code).hasSize(512).endsWith(0x55, 0xaa);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mov [rax], 1        | operation size not specified",
                "inc [rax]           | operation size not specified",
                "movzx eax, [rax]    | operation size not specified",
                "frobnicate eax      | unknown instruction",
                "mov eax, rbx        | no encoding",
                "mov ah, sil         | no encoding",
                "push eax            | no encoding",
                "pushad              | no encoding",
                "jmp nowhere         | undefined label nowhere",
                "db 300              | does not fit",
                "mov eax, [rax+rbx*3] | address cannot be encoded",
                "mov al, 0x1ff       | no encoding",
                "x: x: nop           | defined twice",
            })
    void errorsNameLineAndReason(String source, String reason) {
        assertThatThrownBy(() -> Asm.assemble(64, 0, "nop\n" + source))
                .isInstanceOf(AssemblyException.class)
                .hasMessageContaining("line 2")
                .hasMessageContaining(reason);
    }
}
