;; scenario G15: The vCPU takes an INIT while L2 runs
;; origin   CVE-2022-3344, Linux ed129ec9057f (KVM: x86: forcibly leave nested mode on vCPU reset)
;; note     Linux frees vmcb02 while it is loaded; here the vCPU, reset, stays in guest mode and goes on as L2.
;; include  svm64
;; cpu      EPYC-Milan
;; right    N
;; cell     bare                       -> right
;; cell     tdp                        -> right
;; cell     shadow                     -> right
;; cell     tdp leave.onReset=keep     -> wrong O
;; cell     shadow leave.onReset=keep  -> wrong O
main:   cmp byte [0x500], 'R'
        je again
        call svm_on
        call enter              ; step 0: L1 runs L2, and intercepts neither INIT nor ports
        jmp odd
again:  mov dword [l2], 0x90d9010f ; VMMCALL, NOP
        call svm_on             ; step 2: the image is started again, memory as it was, and runs an L2 once more
        call enter
        cmp eax, VMMCALL_EXIT   ; step 3: L1 looks why its L2 has left
        mov al, 'N'
        je tell
odd:    mov al, 'O'             ; VMRUN itself: the vCPU was L2 still
        jmp tell
        align 4
l2:     mov byte [0x500], 'R'
        mov al, 3
        out 0x92, al            ; step 1: L2 pulses the INIT line of the processor
.wait:  jmp .wait
