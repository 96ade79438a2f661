package nestbox.l0;

/** What small 32-bit guests begin with, as source. */
final class Guest32 {
    /** A Multiboot image: flat segments, a stack, and an IDT at 200000h whose gates are the guest's own to write. */
    static final String START = """
            dd 0x1BADB002, 0x10000, 0xE4514FFE
            dd 0x100000, 0x100000, 0, 0, start
            align 8
            gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
            gdt_pointer: dw 23
                dd gdt
            idt_pointer: dw 0x7ff
                dd 0x200000
            start:
                mov esp, 0x300000
                lgdt [gdt_pointer]
                lidt [idt_pointer]
            """;

    /** Paging, with each page of 4 Mbytes mapped to itself by a directory at 200000h. */
    static final String IDENTITY = """
                mov edi, 0x200000
                mov eax, 0x83
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
            """;

    private Guest32() {}
}
