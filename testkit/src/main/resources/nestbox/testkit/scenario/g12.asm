;; scenario G12: The role of NPT12's root is computed before the vCPU is in guest mode
;; origin   Linux 46d6c6f3ef0e, 6.14 (KVM: nSVM: Enter guest mode before initializing nested NPT MMU)
;; note     No guest sees it at once: L2's shadow pages count as L1's for who zaps and frees by role. The probe looks at the root.
;; include  npt
;; cpu      EPYC-Milan
;; probe    root_role
;; right    N
;; cell     bare                         -> right
;; cell     tdp                          -> right
;; cell     tdp roots.guestModeInRole=off -> wrong N L1's@1
main:   call svm_on
        call npt_on             ; step 0: L1 gives L2 nested paging
        call enter
        mov al, 'N'
        jmp tell                ; step 2: L1 goes on
l2:     mov al, 1
        out 0x80, al            ; step 1: L2 runs
        vmmcall
