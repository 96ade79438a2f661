; Integer, memory, branch and call work in one loop; one of the branches is unpredictable.
work:
    mov r12, 100000000
again:
    mov rax, [rbx]
    add rax, r12
    mov [rbx + 8], rax
    imul rcx, rax, 3
    lea rdx, [rcx + rax * 2 + 5]
    xor rdx, r8
    test dl, 1
    jz even
    add r8, rdx
even:
    push rdx
    call leaf
    pop rdx
    cmp rax, rdx
    cmovb rax, rdx
    and eax, 0xffff
    mov [rbx], rax
    movzx ecx, byte [rbx + 1]
    shr rcx, 1
    sub r8, rcx
    dec r12
    jnz again
    jmp done
leaf:
    mov rdi, [rbx + 16]
    add rdi, 1
    mov [rbx + 16], rdi
    ret
