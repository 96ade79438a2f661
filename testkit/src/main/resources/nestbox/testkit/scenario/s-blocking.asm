;; scenario S-BLOCKING: An interrupt for L1 while MOV SS blocks interrupts in L2
;; origin   SDM Vol. 3, "Event Blocking"; Linux, vmx_interrupt_blocked
;; note     The manual leaves it to the processor whether this blocking holds back what leaves L2. Our silicon's does; KVM says it does not.
;; include  vmx64
;; right    1
;; cell     bare                                -> right
;; cell     tdp                                 -> right
;; cell     shadow                              -> right
;; cell     tdp vmx.interruptInShadow=exit      -> wrong 0
;; cell     shadow vmx.interruptInShadow=exit   -> wrong 0
main:   call vmx_on
        mov edx, PIN
        mov eax, 1              ; step 0: external interrupts leave L2
        call set
        mov edx, 0x4824
        mov eax, 2              ; step 1: L2 is behind a MOV SS
        call write
        mov ecx, 0x1b
        rdmsr
        or eax, 0xc00
        wrmsr
        mov ecx, 0x80f
        mov eax, 0x1ff
        xor edx, edx
        wrmsr
        mov ecx, 0x83f
        mov eax, 0x40
        wrmsr                   ; step 2: an interrupt of L1's is pending
        call enter              ; step 3: VMLAUNCH
        mov edx, GUEST_RIP
        call read
        sub eax, l2 - '0'
        jmp tell                ; step 4: how many instructions L2 has carried out
l2:     nop
        nop
        nop
        vmcall
