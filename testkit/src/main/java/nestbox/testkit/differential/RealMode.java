package nestbox.testkit.differential;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.insn.Asm;

/**
 * What steps do in real mode: they read and write memory, use the stack and take a software interrupt. The code is entered in
 * protected mode without paging and goes back there. ECX[31:16] is where it reads.
 */
final class RealMode {
    /** Selectors of 16-bit segments. */
    static final int CODE = 0x80;

    static final int DATA = 0x88;

    private static final long POINTER = Layout.MAILBOX + 0x40;
    private static final int VECTOR = 0x21;
    private static final String SOURCE = """
            mov ax, 0x88
            mov ss, ax
            mov ds, ax
            mov es, ax
            mov eax, cr0
            and al, 0xfe
            mov cr0, eax
            db 0xea
            dw real, 0
            real: xor ax, ax
            mov ds, ax
            mov es, ax
            mov ss, ax
            mov sp, 0x5f00
            lidt [0x5340]
            push esi
            mov esi, ecx
            shr esi, 16
            mov eax, [si]
            add word [si + 4], 3
            pushf
            popf
            int 0x21
            mov [0x5318], eax
            pop esi
            lidt [0x5210]
            mov eax, cr0
            or al, 1
            mov cr0, eax
            db 0x66, 0xea
            dd BACK
            dw 8
            vector: inc eax
            iret
            """;

    private RealMode() {}

    /** @param back 32-bit code that goes on */
    static void write(PhysicalMemory memory, long back) {
        var program = Asm.program(16, Layout.REAL, "BACK equ " + back + "\n" + SOURCE);
        memory.copyIn(Layout.REAL, program.bytes(), 0, program.bytes().length);
        memory.write(Layout.REAL_VECTORS + 4 * VECTOR, 4, program.address("vector"));
        memory.write(POINTER, 2, 0x3ff);
        memory.write(POINTER + 2, 4, Layout.REAL_VECTORS);
    }
}
