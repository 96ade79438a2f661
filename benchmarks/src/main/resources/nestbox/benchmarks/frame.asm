; Multiboot header and the way into 64-bit mode with the first GiB identity-mapped by 2 MiB pages. The work follows at "work";
; it must end by jumping to "done".
bits 32
header:
    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    dd header, header, 0, 0, start
start:
    mov esp, 0x200000
    mov edi, 0x300000
    xor eax, eax
    mov ecx, 0x1000
    rep stosd
    mov dword [0x300000], 0x301003
    mov dword [0x301000], 0x302003
    mov edi, 0x302000
    mov eax, 0x83
    mov ecx, 512
map:
    mov [edi], eax
    add eax, 0x200000
    add edi, 8
    dec ecx
    jnz map
    mov eax, 0x300000
    mov cr3, eax
    mov eax, 0x20
    mov cr4, eax
    mov ecx, 0xc0000080
    mov eax, 0x100
    xor edx, edx
    wrmsr
    mov eax, 0x80000001
    mov cr0, eax
    lgdt [pointer]
    jmp far 8:long
    align 8
table:
    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff
pointer:
    dw 23
    dd table
bits 64
long:
    mov eax, 16
    mov ss, eax
    mov ds, eax
    mov es, eax
    mov rsp, 0x200000
    mov rbx, 0x400000
    mov r8d, 12345
    jmp work
done:
    xor eax, eax
    out 0xf4, eax
    hlt
