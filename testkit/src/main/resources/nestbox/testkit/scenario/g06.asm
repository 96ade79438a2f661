;; scenario G6: VMX instruction of L1's user code
;; origin   CVE-2018-12904, Linux 727ba748e110 (kvm: nVMX: Enforce cpl=0 for VMX instructions)
;; note     In VMX non-root operation they leave the guest whatever CPL is; who emulates them must look at it.
;; include  vmx64
;; include  faults
;; right    G
;; cell     bare                       -> right
;; cell     tdp                        -> right
;; cell     shadow                     -> right
;; cell     tdp vmx.cplCheck=off       -> wrong W
;; cell     shadow vmx.cplCheck=off    -> wrong W
USTACK  equ 0x400000            ; top of the large page at 2 MiB
main:   call faults_on
        call vmx_on             ; step 0: L1 is in VMX operation
        or dword [PML4A], 4
        or dword [PDPTA], 4
        or dword [PDLOW], 4
        or dword [PDLOW + 8], 4
        mov rax, cr3
        mov cr3, rax
        mov edi, tss
        mov dword [rdi + 4], STACK
        mov eax, tss
        mov [gdt + 26], ax      ; the base of TR
        shr eax, 16
        mov [gdt + 28], al
        mov [gdt + 31], ah
        mov byte [gdt + 29], 0x89
        mov ax, 24
        ltr ax
        lgdt [ugdtr]
        push 0x1b
        push USTACK
        push 0x3002
        push 0x23
        push user
        iretq                   ; step 1: user code, CPL 3
l2:     vmcall
user:   vmptrst [USTACK - 64]   ; step 2: VMPTRST
        mov al, 'W'
        jmp tell

        align 8
tss:    times 104 db 0
ugdt:   dq 0
        dq 0x00209b0000000000
        dq 0x00cf93000000ffff
        dq 0x00cff3000000ffff
        dq 0x0020fb0000000000
ugdtr:  dw 39
        dq ugdt
