; Behind long-mode: "call second_on" starts the second processor at label "second", in 64-bit mode with the tables at PML4A.

PDHIGH  equ 0x20b000

second_on:
        mov esi, .code
        mov edi, 0x8000
        mov ecx, .end - .code
        rep movsb
        mov dword [PDPTA + 24], PDHIGH + 3
        mov dword [PDHIGH + 0xfb8], 0xfee0009b
        mov ebx, 0xfee00300
        mov dword [rbx + 0x10], 0x1000000
        mov dword [rbx], 0x4500
        mov dword [rbx + 0x10], 0x1000000
        mov dword [rbx], 0x4608
        ret

        align 8
        bits 16
.code:  cli
        lgdt [cs:.gdtr - .code]
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
        db 0x66, 0xea
        dd .flat
        dw 8
        align 4
.gdtr:  dw 39
        dd gdt
.end:
        bits 64
.flat:  mov eax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACK - 0x400
        jmp second

