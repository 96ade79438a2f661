;; scenario S-CR3: CR3 of L1 after an entry that only hardware refuses
;; origin   Linux bd18bffca353, 2b27924bb1d4, f087a02941fe and the patch of 3 June 2026 that replaced it
;; note     With EPT vmcs01.GUEST_CR3 is L1's own, so that reading it there is right.
;; include  vmfail
;; right    A
;; cell     bare                          -> right
;; cell     tdp                           -> right
;; cell     tdp vmfail.cr3=vmcs01         -> right
;; cell     tdp vmfail.cr3=none           -> wrong B
;; cell     shadow vmfail.cr3=snapshot    -> right
;; cell     shadow vmfail.cr3=early       -> right
;; cell     shadow vmfail.cr3=stash       -> right
;; cell     shadow vmfail.cr3=vmcs01      -> wrong shutdown
;; cell     shadow vmfail.cr3=none        -> wrong B
main:   mov byte [OLD], 'A'
        mov byte [NEW], 'B'
        mov dword [PTA], OLD + 3
        mov dword [PTB], NEW + 3
        call vmx_on             ; step 0: L1's CR3 maps X to a page that says A
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write              ; step 1: L2's CR3 maps X to one that says B
        call refuse             ; step 2: vmcs12 has a defect that only hardware notices
        call enter              ; step 3: VMLAUNCH: L0's checks pass, hardware refuses vmcs02 with VMfail, L0 unwinds
        cmp eax, -1
        jne .odd
        mov edx, ERROR
        call read
        cmp eax, 7
        jne .odd
        mov al, [X]             ; step 4: L1, told of VMfailValid(7), reads X
        jmp tell
.odd:   mov al, '?'
        jmp tell
l2:     vmcall
