;; scenario G24: An exit before L2, which L1 enters halted, has run
;; origin   Linux 04f11ef45810 (KVM: nVMX: Always write vmcs02.GUEST_CR3 during nested VM-Enter)
;; include  vmx64
;; right    N
;; cell     bare                        -> right
;; cell     tdp                         -> right
;; cell     shadow                      -> right
;; cell     tdp vmcs02.guestCr3=run     -> wrong O
main:   mov ecx, 0x1b
        rdmsr
        or eax, 0xc00
        wrmsr
        mov ecx, 0x80f
        mov eax, 0x1ff
        xor edx, edx
        wrmsr                   ; x2APIC, enabled
        call vmx_on
        mov edx, PIN
        mov eax, 1
        call set                ; step 0: external interrupts of L2 leave to L1
        call enter              ; step 1: L2 has run once, with CR3 = a
        call skip
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, 0x4826
        mov eax, 1
        call write              ; step 2: L1 gives it CR3 = b and the activity state HLT
        mov ecx, 0x83f
        mov eax, 0x40
        xor edx, edx
        wrmsr                   ; step 3: an interrupt is pending
        call enter              ; step 4: VMRESUME: the exit comes before L2 executes an instruction
        cmp eax, 1
        jne .odd
        mov edx, GUEST_CR3
        call read               ; step 5: L1 reads L2's CR3
        cmp eax, PML4B
        mov al, 'N'
        je tell
        mov al, 'O'
        jmp tell
.odd:   mov al, '?'
        jmp tell
l2:     vmcall
        vmcall
