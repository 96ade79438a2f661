;; scenario G19: L2 flushes its TLB, and L0 flushes that of L1
;; origin   Linux 2b4a5a5d5688 (KVM: nVMX: Flush current VPID (L1 vs. L2) for KVM_REQ_TLB_FLUSH_GUEST)
;; include  vmx64
;; right    N
;; cell     bare                           -> right
;; cell     tdp                            -> right
;; cell     shadow                         -> right
;; cell     tdp vpid.flushTarget=vpid01    -> wrong O
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
        call write              ; step 0: L1 gives L2 a VPID
        call enter
        mov al, bl
        jmp tell
l2:     mov bl, [X]             ; step 1: hardware caches a translation of L2
        mov dword [PTB], NEW + 3 ; step 2: L2 edits the entry
        mov rax, cr4
        btc rax, 7
        mov cr4, rax            ; step 3: it changes CR4.PGE, which flushes its TLB; L0 emulates that
        mov bl, [X]             ; step 4: it reads
        vmcall
