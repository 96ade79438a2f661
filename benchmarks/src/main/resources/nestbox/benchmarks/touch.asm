; Maps the first GiB by pages of 4 KiB, says so at 200000h, and touches one page after the other for ever.
work:
    mov edi, 0x400000
    mov eax, 3
fill:
    mov [rdi], rax
    add rax, 0x1000
    add rdi, 8
    cmp rdi, 0x600000
    jne fill
    mov edi, 0x302000
    mov eax, 0x400003
link:
    mov [rdi], rax
    add rax, 0x1000
    add rdi, 8
    cmp rdi, 0x303000
    jne link
    mov rax, cr3
    mov cr3, rax
    mov qword [0x200000], 1
again:
    mov edi, 0x1000000
touch:
    mov rax, [rdi]
    add rdi, 0x1000
    cmp rdi, 0x40000000
    jne touch
    jmp again
