; A ROM in the place of a BIOS: from real mode at F000:F000 into protected mode, where it copies the image to 1 MByte and enters it.
bits 16
    cli
    lgdt [cs:0xff20]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp far 8:copy
bits 32
copy:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esi, 0xe0000
    mov edi, 0x100000
    mov ecx, 0x7800
    rep movsd
    jmp far 24:ENTRY
