; 32-bit code without paging, as the loader leaves it; code behind label "main". Two page directories of 4-MiB pages are ready: A and
; B map the first 4 MiB to themselves; the entry of G is the scenario's.

        org 0x100000

PDA     equ 0x200000
PDB     equ 0x201000
STACK   equ 0x210000
OLD     equ 0x400000            ; 4-MiB frames with one letter each
NEW     equ 0x800000
G       equ 0xd0000000          ; no memory is there: it reads as ones
ENTRY_G equ 0xd00               ; of a page directory

        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, STACK
        cld
        lgdt [gdtr]
        jmp 8:flat
flat:   mov eax, 16
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov dword [PDA], 0x83
        mov dword [PDB], 0x83
        mov byte [OLD], 'O'
        mov byte [NEW], 'N'
        mov eax, 0x10           ; PSE
        mov cr4, eax
        jmp main

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt

; Prints AL and ends the run.
tell:   mov edx, 0x3f8
        out dx, al
finish: xor eax, eax
        out 0xf4, eax
        hlt

; Sets or clears CR0.PG.
paging: mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
        ret
flatly: mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        ret

