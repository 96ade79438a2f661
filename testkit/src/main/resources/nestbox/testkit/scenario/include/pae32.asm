; 32-bit code in PAE paging. CR3 is C1, whose PDPTE 1 maps X to a page that says A; C2's maps it to B, and PDC would map it to C.

        org 0x100000

C1      equ 0x300000
C2      equ 0x301000
LOW     equ 0x302000
PDA     equ 0x303000
PDB     equ 0x304000
PDC     equ 0x305000
X       equ 0x40000000
        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, 0x1f0000
        cld
        lgdt [gdtr]
        mov edi, C1
        xor eax, eax
        mov ecx, 0x6000 / 4
        rep stosd
        mov edi, LOW
        mov eax, 0x83
        mov ecx, 16
fill:   mov [edi], eax
        add eax, 0x200000
        add edi, 8
        loop fill
        mov dword [C1], LOW + 1
        mov dword [C1 + 8], PDA + 1
        mov dword [C2], LOW + 1
        mov dword [C2 + 8], PDB + 1
        mov dword [PDA], 0x800083
        mov dword [PDB], 0xa00083
        mov dword [PDC], 0xc00083
        mov byte [0x800000], 'A'
        mov byte [0xa00000], 'B'
        mov byte [0xc00000], 'C'
        mov eax, 0x20           ; PAE
        mov cr4, eax
        mov eax, C1
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000001
        mov cr0, eax
        jmp main

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067
gdtr:   dw 31
        dd gdt

; Prints AL and ends the run.
tell:   mov edx, 0x3f8
        out dx, al
        xor eax, eax
        out 0xf4, eax
        hlt

