;; scenario S-INTR-SHADOW: An interrupt for L1 in an interrupt shadow of L2
;; origin   APM Vol. 2, "Interrupt Shadows"; Linux, svm_interrupt_blocked
;; note     No interrupt is recognized in the shadow. KVM makes exits for one all the same; L2 finds the shadow again.
;; include  svm64
;; cpu      max,+svm
;; right    `1
;; cell     bare                                -> right
;; cell     tdp                                 -> right
;; cell     shadow                              -> right
;; cell     tdp svm.interruptInShadow=exit      -> wrong `0
;; cell     shadow svm.interruptInShadow=exit   -> wrong `0
main:   call svm_on
        mov ecx, 0x1b
        rdmsr
        or eax, 0xc00
        wrmsr
        mov ecx, 0x80f
        mov eax, 0x1ff
        xor edx, edx
        wrmsr                   ; x2APIC, enabled
        or dword [VMCB + 0x0c], 1       ; step 0: L1 intercepts INTR,
        or dword [VMCB + 0x60], 0x1000000 ; and its own flag gates interrupts
        mov dword [VMCB + 0x68], 1      ; step 1: L2 is in an interrupt shadow
        cli
        clgi
        mov ecx, 0x83f
        mov eax, 0x40
        xor edx, edx
        wrmsr                           ; step 2: an interrupt of L1's is pending
        sti
        xor ebx, ebx
        call enter                      ; step 3: VMRUN
        push rbx
        mov edx, 0x3f8
        out dx, al                      ; step 4: L1 prints the exit code and what L2 has counted
        pop rax
        add al, '0'
        out dx, al
        jmp finish
l2:     inc ebx
        inc ebx
        inc ebx
        vmmcall
