;; scenario G18: A cached root that is out of sync survives a nested transition without VPID
;; origin   Linux 07ffaf343e34, 5.13 (KVM: nVMX: Sync all PGDs on nested transition with shadow paging)
;; include  vmx64
;; right    N
;; cell     bare                                     -> right
;; cell     tdp                                      -> right
;; cell     shadow roots.freeUnsyncOnGuestFlush=on   -> right
;; cell     shadow roots.freeUnsyncOnGuestFlush=off  -> wrong O
main:   mov dword [PTB], OLD + 3
        call vmx_on             ; step 0: neither L0 nor L1 uses EPT; vmcs12 has no VPID
        mov rax, cr4
        bts rax, 17
        mov cr4, rax
        mov edx, 0x6c04
        call write
        mov rax, PML4B + 2
        mov cr3, rax
        mov al, [X]
        mov rax, PML4A + 1
        mov cr3, rax            ; step 1: L1 uses PCIDs; the root of b is cached
        mov edx, 0x6c02
        call write
        mov dword [PTB], NEW + 3 ; step 2: L1 edits b's table
        call enter              ; step 3: VM entry and VM exit flush everything
        mov rax, PML4B + 2 + NOFLUSH
        mov cr3, rax            ; step 4: MOV CR3 to b with bit 63
        mov al, [X]             ; step 5: L1 reads through the entry that it has edited
        jmp tell
l2:     vmcall
