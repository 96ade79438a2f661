;; scenario G27: Nested page fault at a table of L2
;; origin   Linux, May and June 2026 (Fix nested TDP error code info)
;; note     EXITINFO1 bit 33 says that a table of L2 missed, bit 32 that the final address did; exactly one is set.
;; include  npt
;; cpu      EPYC-Milan
;; right    T
;; cell     bare                       -> right
;; cell     tdp                        -> right
;; cell     tdp svm.npfStage=final     -> wrong F
main:   call svm_on
        call npt_on
        mov dword [NPT1 + 8 * (PTB >> 12 & 0x1ff)], 0
        mov dword [VMCR3], PML4B ; step 0: NPT12 does not map the page with L2's lowest table
        call enter
        cmp eax, NPF_EXIT
        jne .odd
        mov eax, [INFO1 + 4]    ; step 2: L1 looks at the error code
        cmp eax, 2
        mov al, 'T'
        je tell
        mov al, 'F'
        jmp tell
.odd:   mov al, '?'
        jmp tell
l2:     mov al, [X]             ; step 1: L2 reads through that table
        vmmcall
