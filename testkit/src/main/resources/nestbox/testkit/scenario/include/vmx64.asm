;; include long-mode
; L1 in 64-bit mode as a hypervisor. "call vmx_on" makes a vmcs12 whose L2 begins at label "l2" with L1's own tables and segments;
; "call enter" runs L2 until its next exit and returns the exit's reason, or -1 if VMLAUNCH or VMRESUME failed. L2 changes L1's
; general registers. "call write" puts EAX into field EDX, "call read" gets it.
VMXON   equ 0x230000
VMCS    equ 0x231000
VAPIC   equ 0x232000
STACK2  equ 0x238000

GUEST_CR0       equ 0x6800
GUEST_CR3       equ 0x6802
GUEST_CR4       equ 0x6804
GUEST_RIP       equ 0x681e
GUEST_RFLAGS    equ 0x6820
PIN             equ 0x4000
PRIMARY         equ 0x4002
EXCEPTIONS      equ 0x4004
SECONDARY       equ 0x401e
ENTRY_CONTROLS  equ 0x4012
EPTP            equ 0x201a
VPID            equ 0x0000
ERROR           equ 0x4400
REASON          equ 0x4402
QUALIFICATION   equ 0x6400
CPUID_EXIT      equ 10
HLT_EXIT        equ 12
VMCALL_EXIT     equ 18

vmx_on: mov rax, cr4
        bts rax, 13
        mov cr4, rax
        mov rax, cr0
        or eax, 0x20
        mov cr0, rax
        mov ecx, 0x3a
        rdmsr
        test al, 1
        jnz .locked
        or eax, 5
        wrmsr
.locked:
        mov ecx, 0x480
        rdmsr
        mov [VMXON], eax
        mov [VMCS], eax
        vmxon [.region]
        vmclear [.vmcs]
        vmptrld [.vmcs]
        mov esi, .values
.value: mov edx, [rsi]
        cmp edx, -1
        je .controls
        movsxd rax, dword [rsi + 4]
        call write
        add esi, 8
        jmp .value
.controls:
        mov esi, .words
.word:  mov edi, [rsi]
        cmp edi, -1
        je .registers
        mov ecx, [rsi + 4]
        rdmsr
        or eax, [rsi + 8]
        and eax, edx
        mov edx, edi
        call write
        add esi, 12
        jmp .word
.registers:
        mov rax, cr0
        mov edx, GUEST_CR0
        call write
        mov edx, 0x6c00
        call write
        mov rax, cr3
        mov edx, GUEST_CR3
        call write
        mov edx, 0x6c02
        call write
        mov rax, cr4
        mov edx, GUEST_CR4
        call write
        mov edx, 0x6c04
        call write
        ret

        align 8
.region: dq VMXON
.vmcs:  dq VMCS
.values:
        dd 0x2800, -1, 0x2801, -1
        dd 0x0c00, 16, 0x0c02, 8, 0x0c04, 16, 0x0c06, 16, 0x0c08, 16, 0x0c0a, 16, 0x0c0c, 24
        dd 0x6c0c, gdt, 0x6c16, vmexit
        dd 0x0800, 16, 0x0802, 8, 0x0804, 16, 0x0806, 16, 0x0808, 16, 0x080a, 16, 0x080e, 24
        dd 0x4800, -1, 0x4802, -1, 0x4804, -1, 0x4806, -1, 0x4808, -1, 0x480a, -1, 0x480e, 0x67
        dd 0x4814, 0xc093, 0x4816, 0xa09b, 0x4818, 0xc093, 0x481a, 0xc093, 0x481c, 0xc093, 0x481e, 0xc093
        dd 0x4820, 0x10000, 0x4822, 0x8b
        dd 0x6816, gdt, 0x4810, 39
        dd 0x681a, 0x400, 0x6820, 2, 0x681c, STACK2, 0x681e, l2
        dd -1
.words: dd PIN, 0x481, 0
        dd PRIMARY, 0x482, 0
        dd 0x400c, 0x483, 0x200         ; the host's address-space size
        dd ENTRY_CONTROLS, 0x484, 0x200 ; IA-32e mode guest
        dd -1

; Sets bits of EAX in control word EDX.
set:    push rax
        call read
        or [rsp], rax
        pop rax
write:  vmwrite rdx, rax
        ret

read:   vmread rax, rdx
        ret

enter:  mov edx, 0x6c14
        mov rax, rsp
        call write
        cmp byte [.launched], 0
        jne .resume
        mov byte [.launched], 1
        vmlaunch
        mov byte [.launched], 0
        jmp .failed
.resume:
        vmresume
.failed:
        mov eax, -1
        ret
.launched: db 0

vmexit: mov edx, REASON
        call read
        ret

; L2 goes on behind the instruction that made the exit.
skip:   mov edx, 0x440c
        call read
        mov ebx, eax
        mov edx, GUEST_RIP
        call read
        add rax, rbx
        jmp write

