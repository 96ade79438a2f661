;; scenario G4: IA-32e mode guest with CR4.PAE clear
;; origin   CVE-2023-30456, Linux 112e66017bff (nVMX: add missing consistency checks for CR0 and CR4)
;; note     Without EPT, L0 sets CR4.PAE for its own tables, so that hardware does not notice; with EPT it does, and L0 tells L1.
;; include  vmx64
;; right    X
;; cell     bare                           -> right
;; cell     tdp                            -> right
;; cell     shadow                         -> right
;; cell     tdp check.ia32e=off            -> right
;; cell     shadow check.ia32e=off         -> wrong L
main:   call vmx_on
        mov edx, GUEST_CR4
        call read
        and eax, -0x21
        call write              ; step 0: vmcs12 says "IA-32e mode guest", and CR4.PAE is clear
        call enter              ; step 1: VMLAUNCH
        cmp eax, 0x80000021     ; step 2: exit 33, entry failure by guest state
        mov al, 'X'
        je tell
        mov al, 'L'             ; L2 has run
        jmp tell
l2:     vmcall
