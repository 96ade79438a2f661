; An L1 hypervisor on SVM with nested paging; L2, at "l2", shares its first GiB.
work:
    mov dword [0x600000], 0x601007
    mov dword [0x601000], 0x602007
    mov edi, 0x602000
    mov eax, 0xe7
large:
    mov [rdi], rax
    add rax, 0x200000
    add rdi, 8
    cmp rdi, 0x603000
    jne large
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x1000
    wrmsr
    mov ecx, 0xc0010117
    mov eax, 0x610000
    xor edx, edx
    wrmsr
    mov rbx, 0x402000
    mov rdi, 0x500000
    mov dword [rdi + 0x0c], 0x40000
    mov dword [rdi + 0x10], 1
    mov dword [rdi + 0x58], 1
    mov dword [rdi + 0x90], 1
    mov dword [rdi + 0xb0], 0x600000
    mov rax, 0xffffffff0a9b0008
    mov [rdi + 0x410], rax
    mov rax, 0xffffffff0c930010
    mov [rdi + 0x400], rax
    mov [rdi + 0x420], rax
    mov [rdi + 0x430], rax
    mov rax, 0x00000067008b0018
    mov [rdi + 0x490], rax
    mov dword [rdi + 0x4d0], 0x1500
    mov rax, cr4
    mov [rdi + 0x548], rax
    mov rax, cr3
    mov [rdi + 0x550], rax
    mov rax, cr0
    mov [rdi + 0x558], rax
    mov dword [rdi + 0x560], 0x400
    mov dword [rdi + 0x568], 0xffff0ff0
    mov dword [rdi + 0x570], 2
    mov dword [rdi + 0x578], l2
    mov dword [rdi + 0x5d8], 0x1e0000
    mov rax, 0x0007040600070406
    mov [rdi + 0x668], rax
    mov rax, rdi
again:
    vmrun
    mov rcx, [rax + 0x70]
    mov rdx, [rax + 0x578]
    add rdx, 2
    mov [rax + 0x578], rdx
    inc qword [rbx]
    ;count
    jmp again
l2:
    cpuid
    jmp l2
