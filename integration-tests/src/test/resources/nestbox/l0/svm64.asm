; An L1 in 64-bit mode, everything mapped onto itself, with a VMCB whose guest shares its page tables, not
; its nested ones. A test adds "host" (L1) and
; "guest" (L2), which leave what they see at RESULT. Before it comes NPT (L1 uses it).

        org 0x100000

PML4    equ 0x300000
PDPT    equ 0x301000
PD      equ 0x302000
N4      equ 0x303000
N3      equ 0x304000
N2      equ 0x305000
RESULT  equ 0x309000
HSAVE   equ 0x400000
VMCB    equ 0x401000
OTHER   equ 0x402000
SAVE    equ VMCB + 0x400

        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, 0x1f0000
        cld
        lgdt [gdtr]
        lidt [idtr]
        mov edi, PML4
        xor eax, eax
        mov ecx, 0xa000 / 4
        rep stosd
        mov edi, VMCB
        mov ecx, 0x2000 / 4
        rep stosd
        mov dword [PML4], PDPT + 7
        mov dword [PDPT], PD + 7
        mov dword [N4], N3 + 7
        mov dword [N3], N2 + 7
        mov edi, PD
        mov ebx, N2
        mov eax, 0x87
        mov ecx, 16
fill:   mov [edi], eax
        mov [ebx], eax
        add ebx, 8
        add eax, 0x200000
        add edi, 8
        loop fill
        mov eax, 0x20           ; PAE
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x1100          ; SVME, LME
        wrmsr
        mov eax, cr0
        or eax, 0x80000021
        mov cr0, eax
        jmp 8:long

        bits 64

long:   mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr
        mov dword [VMCB + 0x0c], 0x80000000     ; SHUTDOWN
        mov dword [VMCB + 0x10], 3              ; VMRUN, VMMCALL
        mov dword [VMCB + 0x58], 1              ; ASID
        mov dword [VMCB + 0x90], NPT
        mov dword [VMCB + 0xb0], N4
        mov edi, SAVE
        mov ecx, 4                              ; ES, CS, SS, DS
seg:    mov dword [rdi], 0x0c930010
        mov dword [rdi + 4], 0xffffffff
        add rdi, 16
        loop seg
        mov dword [SAVE + 0x10], 0x0a9b0008
        mov dword [SAVE + 0x64], 31             ; GDTR
        mov dword [SAVE + 0x68], gdt
        mov dword [SAVE + 0x84], 0xfff          ; IDTR
        mov dword [SAVE + 0x88], idt
        mov dword [SAVE + 0xd0], 0x1500         ; EFER
        mov dword [SAVE + 0x148], 0x20          ; CR4
        mov dword [SAVE + 0x150], PML4
        mov rax, cr0
        mov [SAVE + 0x158], rax
        mov dword [SAVE + 0x160], 0x400         ; DR7
        mov dword [SAVE + 0x168], 0xffff0ff0    ; DR6
        mov dword [SAVE + 0x170], 2
        mov dword [SAVE + 0x178], guest
        mov dword [SAVE + 0x1d8], 0x1e0000
        mov dword [SAVE + 0x268], 0x00070106    ; PAT
        mov dword [SAVE + 0x26c], 0x00070106
        mov r15d, RESULT
        jmp host

; Runs L2, and leaves the exit code at R15.
enter:  mov eax, VMCB
        vmrun
        mov rax, [VMCB + 0x70]
        mov [r15], rax
        add r15, 8
        ret

; L2 goes on behind the instruction that it left at.
skip:   mov rax, [VMCB + 0xc8]
        mov [SAVE + 0x178], rax
        ret

; Vector 32 gets to the test's "handler".
gate:   mov eax, handler
        and eax, 0xffff
        or eax, 0x80000
        mov [idt + 0x200], eax
        mov eax, handler
        and eax, 0xffff0000
        or eax, 0x8e00
        mov [idt + 0x204], eax
        ret

end:    xor eax, eax
        out 0xf4, eax
        hlt

        align 8
gdt:    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067
gdtr:   dw 31
        dd gdt
idtr:   dw 0xfff
        dd idt
        align 8
