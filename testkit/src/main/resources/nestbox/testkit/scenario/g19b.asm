;; scenario G19b: L2 runs with a VPID that it has not had before
;; origin   Linux 712494de96f3 (KVM: nVMX: Emulate guest TLB flush on nested VM-Enter with new vpid12)
;; note     All VPIDs of L1 stand for one of hardware's, vpid02.
;; include  vmx64
;; right    N
;; cell     bare                          -> right
;; cell     tdp                           -> right
;; cell     shadow                        -> right
;; cell     tdp vpid.newVpid12=ignore     -> wrong O
main:   mov dword [PTB], OLD + 3
        call vmx_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, PRIMARY
        mov eax, 0x80000000
        call set
        mov edx, SECONDARY
        mov eax, 0x20
        call set
        mov edx, VPID
        mov eax, 1
        call write
        call enter              ; step 0: L2 runs with VPID 1
        call skip
        mov dword [PTB], NEW + 3 ; step 2: L1 edits L2's table, and does without INVVPID
        mov edx, VPID
        mov eax, 2
        call write
        call enter              ; step 3: L2 runs with VPID 2, of which nothing is cached
        mov al, bl
        jmp tell
l2:     mov bl, [X]             ; step 1: hardware caches a translation
        vmcall
        mov bl, [X]             ; step 4: L2 reads
        vmcall
