; "call second_on" starts the second processor and comes back when it runs: label "second", 32-bit code without paging, with flat
; segments.
GO      equ 0x23a000
PDHIGH  equ 0x23c000

second_on:
        mov esi, .start
        mov edi, 0x8000
        mov ecx, .end - .start
        rep movsb
        mov dword [PDPTA + 24], PDHIGH + 3
        mov dword [PDHIGH + 0xfb8], 0xfee0009b
        mov ebx, 0xfee00300
        mov dword [rbx + 0x10], 0x1000000
        mov dword [rbx], 0x4500
        mov dword [rbx + 0x10], 0x1000000
        mov dword [rbx], 0x4608
.ready: cmp dword [GO], 1
        jne .ready
        ret

        align 8
        bits 16
.start: cli
        lgdt [cs:.gdtr - .start]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 16
        mov ds, bx
        jmp dword 8:.flat
        align 8
.gdt:   dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
.gdtr:  dw 23
        dd 0x8000 + .gdt - .start
.end:
        bits 32
.flat:  mov dword [GO], 1
        jmp second
        bits 64
