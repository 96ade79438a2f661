;; include long-mode
; L1 in 64-bit mode as a hypervisor. "call svm_on" makes a vmcb12 whose L2 begins at label "l2" with L1's own tables and segments;
; "call enter" runs L2 until its next #VMEXIT and returns the exit code. L2 changes L1's general registers but RAX and RSP.
HSAVE   equ 0x230000
VMCB    equ 0x231000
STACK2  equ 0x238000

CODE    equ VMCB + 0x70
INFO1   equ VMCB + 0x78
INFO2   equ VMCB + 0x80
MISC2   equ VMCB + 0x10         ; intercepts: VMRUN 1, VMMCALL 2, VMLOAD 4, VMSAVE 8
NP      equ VMCB + 0x90
NCR3    equ VMCB + 0xb0
VMCR3   equ VMCB + 0x550
VMRIP   equ VMCB + 0x578
VMRUN_EXIT      equ 0x80
VMMCALL_EXIT    equ 0x81
NPF_EXIT        equ 0x400

svm_on: mov ecx, 0xc0000080
        rdmsr
        or eax, 0x1000
        wrmsr
        mov [VMCB + 0x4d0], eax
        mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr
        mov esi, .values
.value: mov edi, [rsi]
        cmp edi, -1
        je .registers
        mov eax, [rsi + 4]
        mov [rdi], eax
        add esi, 8
        jmp .value
.registers:
        mov rax, cr0
        mov [VMCB + 0x558], rax
        mov rax, cr3
        mov [VMCR3], rax
        mov rax, cr4
        mov [VMCB + 0x548], rax
        ret

        align 4
.values:
        dd MISC2, 3, VMCB + 0x58, 1
        dd VMCB + 0x400, 0x0c930010, VMCB + 0x404, -1
        dd VMCB + 0x410, 0x0a9b0008, VMCB + 0x414, -1
        dd VMCB + 0x420, 0x0c930010, VMCB + 0x424, -1
        dd VMCB + 0x430, 0x0c930010, VMCB + 0x434, -1
        dd VMCB + 0x464, 39, VMCB + 0x468, gdt
        dd VMCB + 0x560, 0x400, VMCB + 0x568, 0xffff0ff0
        dd VMCB + 0x570, 2, VMRIP, l2, VMCB + 0x5d8, STACK2
        dd VMCB + 0x668, 0x00070406, VMCB + 0x66c, 0x00070406
        dd -1

enter:  mov eax, VMCB
        vmrun
        mov eax, [CODE]
        ret

; L2 goes on behind VMMCALL.
skip:   add qword [VMRIP], 3
        ret

