;; scenario G1: Another processor changes vmcb12 between VMRUN's checks and its use
;; origin   CVE-2021-29657, Linux a58d9166a756 (nSVM: load control fields from VMCB12 before checking them)
;; note     The second processor runs while L0 is between the two: its code below is what changes the VMRUN intercept.
;; note     Linux then lets L2 run VMRUN itself, over the host state that was saved for L1; Nestbox's L0 names what it cannot do.
;; include  svm64
;; include  second
;; cpu      EPYC-Milan
;; right    N
;; cell     tdp cpus=2                                                     -> right
;; cell     tdp cpus=2 yield=vmcb12-checked=500                            -> right
;; cell     shadow cpus=2 yield=vmcb12-checked=500                         -> right
;; cell     tdp cpus=2 svm.vmcb12Reads=twice                               -> right
;; cell     tdp cpus=2 yield=vmcb12-checked=500 svm.vmcb12Reads=twice      -> refused nested SVM: not implemented: VMRUN of L2 that L1 does not intercept
;; cell     shadow cpus=2 yield=vmcb12-checked=500 svm.vmcb12Reads=twice   -> refused nested SVM: not implemented: VMRUN of L2 that L1 does not intercept
main:   call svm_on             ; step 0: vmcb12 intercepts VMRUN, as VMRUN demands
        call second_on
        mov dword [GO], 2
        call enter              ; step 1: VMRUN: L0 checks vmcb12
                                ; step 4: L0 merges vmcb02
        cmp eax, VMRUN_EXIT
        mov al, 'N'
        je tell                 ; step 6: L1 sees the exit
        mov al, 'O'
        jmp tell

        bits 32
second: cmp dword [GO], 2
        jne second
        mov dword [MISC2], 2    ; step 2: the second processor clears the intercept
.stay:  pause                   ; step 3: it does nothing else
        jmp .stay
        bits 64
l2:     mov eax, VMCB
        vmrun                   ; step 5: L2 executes VMRUN
        vmmcall
