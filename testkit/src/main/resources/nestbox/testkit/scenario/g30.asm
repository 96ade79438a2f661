;; scenario G30: INVPCID of an address with CR0.PG=0
;; origin   CVE-2022-1789, Linux 9f46c187e2e6 (KVM: x86/mmu: fix NULL pointer dereference on guest INVPCID)
;; include  flat32
;; right    N
;; cell     bare                                  -> right
;; cell     tdp                                   -> right
;; cell     shadow                                -> right
;; cell     tdp shadow.invpcidUnpaged=call        -> right
;; cell     shadow shadow.invpcidUnpaged=call     -> wrong KVM_EXIT_INTERNAL_ERROR: the MMU without paging has no hook for INVPCID
main:   xor eax, eax            ; step 0: the guest has not switched paging on
        invpcid eax, [nothing]  ; step 1: INVPCID, individual address, PCID 0
        mov al, 'N'
        jmp tell                ; step 2: it goes on
        align 8
nothing: dq 0, 0x1000
