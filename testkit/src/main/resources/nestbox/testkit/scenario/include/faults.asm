; "call faults_on" makes #DB, #UD, #GP and #PF print D, U, G or P and end the run.
IDT     equ 0x213000

faults_on:
        mov eax, on_db
        mov ebx, 1
        call .gate
        mov eax, on_ud
        mov ebx, 6
        call .gate
        mov eax, on_gp
        mov ebx, 13
        call .gate
        mov eax, on_pf
        mov ebx, 14
        call .gate
        lidt [.idtr]
        ret
.gate:  shl ebx, 4
        mov [IDT + rbx], ax
        mov word [IDT + rbx + 2], 8
        mov word [IDT + rbx + 4], 0x8e00
        shr eax, 16
        mov [IDT + rbx + 6], ax
        ret
.idtr:  dw 0x1ff
        dq IDT

on_db:  mov al, 'D'
        jmp tell
on_ud:  mov al, 'U'
        jmp tell
on_gp:  mov al, 'G'
        jmp tell
on_pf:  mov al, 'P'
        jmp tell

