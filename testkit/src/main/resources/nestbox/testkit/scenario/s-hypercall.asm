;; scenario S-HYPERCALL: The other vendor's instruction for a hypercall
;; origin   APM Vol. 3, VMMCALL; Linux, KVM_X86_QUIRK_FIX_HYPERCALL_INSN
;; include  long-mode
;; include  faults
;; right    U
;; cell     bare                        -> right
;; cell     tdp                         -> right
;; cell     shadow                      -> right
;; cell     tdp hypercall.patch=on      -> wrong H
;; cell     shadow hypercall.patch=on   -> wrong H
main:   call faults_on
        mov eax, 1000
        vmmcall                 ; step 0: an Intel processor does not know VMMCALL: #UD
        mov al, 'H'             ; step 1: here the hypervisor has answered
        jmp tell
