;; scenario S-INVALID-EXIT: The event fields of vmcb12 behind a VMRUN that fails
;; origin   APM Vol. 2, "Canonicalization and Consistency Checks"; Linux nested_svm_failed_vmrun
;; include  svm64
;; cpu      EPYC-Milan
;; right    V-
;; cell     bare                        -> right
;; cell     tdp                         -> right
;; cell     shadow                      -> right
;; cell     tdp svm.invalidExit=kvm     -> wrong -V
;; cell     shadow svm.invalidExit=kvm  -> wrong -V
EVENTINJ        equ VMCB + 0xa8
EXITINTINFO     equ VMCB + 0x88
main:   call svm_on
        mov dword [VMCB + 0x58], 0 ; step 0: ASID 0 is illegal; both event fields are valid
        mov dword [EVENTINJ], 0x80000306
        mov dword [EXITINTINFO], 0x80000306
        call enter              ; step 1: VMRUN fails
        mov edx, 0x3f8
        mov eax, [EVENTINJ]
        call .flag
        mov eax, [EXITINTINFO]
        call .flag              ; step 2: L1 looks which of them is valid still
        jmp finish
.flag:  test eax, eax
        mov al, '-'
        jns .tell
        mov al, 'V'
.tell:  out dx, al
        ret
l2:     vmmcall
