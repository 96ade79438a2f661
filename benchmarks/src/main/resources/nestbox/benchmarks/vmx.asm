; An L1 hypervisor on VMX with EPT and VPID; L2 shares its first GiB. The guest that L2 runs follows at "l2", the rest of L1 at
; "exit", which VM exits come to. Linear and guest-physical 64 to 128 MBytes are mapped by 4-KByte pages.
work:
    mov edi, 0x700000
    mov rax, 0x4000003
    mov rdx, 0x4000037
pages:
    mov [rdi], rax
    mov [rdi + 0x40000], rdx
    add rax, 0x1000
    add rdx, 0x1000
    add rdi, 8
    cmp rdi, 0x720000
    jne pages
    mov dword [0x600000], 0x601007
    mov dword [0x601000], 0x602007
    mov edi, 0x602000
    mov eax, 0xb7
large:
    mov [rdi], rax
    add rax, 0x200000
    add rdi, 8
    cmp rdi, 0x603000
    jne large
    mov edi, 0x302100
    mov rax, 0x700003
    mov rdx, 0x740007
directory:
    mov [rdi], rax
    mov [rdi + 0x300000], rdx
    add rax, 0x1000
    add rdx, 0x1000
    add rdi, 8
    cmp rdi, 0x302200
    jne directory
    mov rax, cr3
    mov cr3, rax
    mov eax, 0x2020
    mov cr4, rax
    mov rax, cr0
    or eax, 0x20
    mov cr0, rax
    mov ecx, 0x3a
    xor edx, edx
    mov eax, 5
    wrmsr
    mov ecx, 0x480
    rdmsr
    mov [0x400000], eax
    mov [0x401000], eax
    vmxon [region]
    vmclear [current]
    vmptrld [current]
    mov rbx, 0x402000
    mov ebp, 0x4402
    mov esi, 0x681e
