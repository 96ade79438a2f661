;; scenario S-VPID: An L2 without VPID runs between two entries with the same VPID
;; origin   SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure Caches"; Linux, nested_vmx_transition_tlb_flush
;; note     Linux compares the VPID with the last one in vmcs12, and shadow pages are told apart by none. With EPT an L2 without VPID has
;; note     L1's, so that nothing of it is in vpid02.
;; include  vmx64
;; right    N
;; cell     bare                          -> right
;; cell     tdp                           -> right
;; cell     shadow                        -> right
;; cell     tdp vpid.newVpid12=last       -> right
;; cell     shadow vpid.newVpid12=last    -> wrong O
main:   mov dword [PTB], OLD + 3
        call vmx_on
        mov edx, PRIMARY
        mov eax, 0x80000000
        call set
        mov edx, SECONDARY
        mov eax, 0x20
        call set
        mov edx, VPID
        mov eax, 1
        call write
        call enter              ; step 0: an L2 with L1's tables runs with VPID 1
        call skip
        mov eax, 1
        invvpid rax, [.vpid]    ; step 1: L1 invalidates all of VPID 1
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, SECONDARY
        call read
        btr eax, 5
        call write
        call enter              ; step 2: another L2 runs without VPID
        call skip
        mov dword [PTB], NEW + 3 ; step 4: L1 edits its table; the entries and exits without VPID invalidate
        mov edx, SECONDARY
        mov eax, 0x20
        call set
        call enter              ; step 5: it runs with VPID 1
        mov al, bl
        jmp tell
        align 8
.vpid:  dq 1, 0
l2:     vmcall
        mov bl, [X]             ; step 3: L2 reads
        vmcall
        mov bl, [X]             ; step 6: L2 reads, for the first time with VPID 1
        vmcall
