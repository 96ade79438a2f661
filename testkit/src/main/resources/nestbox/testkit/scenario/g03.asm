;; scenario G3: VMSAVE of L2 that L1 does not intercept
;; origin   CVE-2021-3656, Linux c7dfa4009965 (nSVM: always intercept VMLOAD/VMSAVE when nested)
;; note     The operand is a physical address: L1's, for who runs in L1's machine; without an intercept hardware takes the host's.
;; include  svm64
;; cpu      EPYC-Milan
;; right    N
;; cell     bare                               -> right
;; cell     tdp                                -> right
;; cell     shadow                             -> right
;; cell     tdp svm.vmloadIntercept=vmcb12     -> wrong \x00
;; cell     shadow svm.vmloadIntercept=vmcb12  -> wrong \x00
SAVED   equ 0x330000
main:   mov ecx, 0xc0000102
        mov eax, 'N'
        xor edx, edx
        wrmsr                   ; KernelGSbase
        call svm_on             ; step 0: L1 intercepts neither VMLOAD nor VMSAVE, and there is no virtual VMLOAD
        call enter
        mov al, [SAVED + 0x620] ; step 2: L1 looks where L2 has saved KernelGSbase
        jmp tell
l2:     mov eax, SAVED
        vmsave                  ; step 1: L2 executes VMSAVE to a page of L1's memory
        vmmcall
