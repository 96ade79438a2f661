; Enters 64-bit mode with the tables at PML4A, whose first GiB is identity-mapped, as PML4B's is. Code behind label "main".

        org 0x100000

PML4A   equ 0x200000
PML4B   equ 0x201000
PDPTA   equ 0x202000
PDPTB   equ 0x203000
PDLOW   equ 0x204000
PDA     equ 0x205000
PDB     equ 0x206000
PTA     equ 0x207000
PTB     equ 0x208000
STACK   equ 0x210000
OLD     equ 0x300000            ; frames with one letter each
NEW     equ 0x301000
X       equ 0x40000000          ; the linear address in question
NOFLUSH equ 0x8000000000000000

        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, STACK
        cld
        mov edi, PML4A
        xor eax, eax
        mov ecx, (STACK - PML4A) / 4
        rep stosd
        mov dword [PML4A], PDPTA + 3
        mov dword [PML4B], PDPTB + 3
        mov dword [PDPTA], PDLOW + 3
        mov dword [PDPTB], PDLOW + 3
        mov dword [PDPTA + 8], PDA + 3
        mov dword [PDPTB + 8], PDB + 3
        mov dword [PDA], PTA + 3
        mov dword [PDB], PTB + 3
        mov dword [PDLOW], 0x83
        mov dword [PDLOW + 8], 0x200083
        mov byte [OLD], 'O'
        mov byte [NEW], 'N'
        mov eax, 0x20
        mov cr4, eax
        mov eax, PML4A
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x100
        wrmsr
        mov eax, 0x80010011     ; PG, WP, ET, PE
        mov cr0, eax
        lgdt [gdtr]
        jmp 8:main

        align 8
gdt:    dq 0
        dq 0x00209b0000000000
        dq 0x00cf93000000ffff
        dq 0x00008b0000000067, 0
gdtr:   dw 39
        dd gdt
pcid0:  dq 0, 0

        bits 64

; Prints AL and ends the run.
tell:   mov edx, 0x3f8
        out dx, al
finish: xor eax, eax
        out 0xf4, eax
        hlt

