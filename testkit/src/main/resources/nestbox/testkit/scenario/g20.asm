;; scenario G20: An exit to L1 comes between L2's flush and its being carried out
;; origin   Linux 40e5f9080472 (KVM: nVMX: Abide to KVM_REQ_TLB_FLUSH_GUEST request on nested vmentry/vmexit)
;; include  vmx64
;; right    N
;; cell     bare                                   -> right
;; cell     tdp                                    -> right
;; cell     shadow                                 -> right
;; cell     tdp transition.serviceLocalFirst=off   -> wrong O
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
        mov edx, EXCEPTIONS
        mov eax, 2
        call write              ; step 0: L1 gives L2 a VPID, and intercepts #DB
        call enter
        mov edx, GUEST_RFLAGS
        mov eax, 2
        call write
        mov edx, 0x6822         ; pending debug exceptions
        xor eax, eax
        call write
        call enter              ; step 4: L1 clears TF and goes on with L2 under the same VPID
        mov al, bl
        jmp tell
l2:     mov bl, [X]             ; step 1: hardware caches a translation of L2
        mov dword [PTB], NEW + 3 ; step 2: L2 edits the entry
        mov rax, cr4
        btc rax, 7
        push 0x102
        popfq
        mov cr4, rax            ; step 3: with TF set it changes CR4.PGE: L0 emulates that, and #DB leaves to L1 at once
        mov bl, [X]             ; step 5: L2 reads
        vmcall
