;; scenario S-PCID: A cached root that is out of sync enters the virtual TLB when CR4.PCIDE is set
;; origin   Lai Jiangshan, October 2021, "Cache CR3 in prev_roots when PCID is disabled"; Linux 21823fbda552, 509bfe3d9796
;; note     The virtual TLB is the current root and the hardware's TLB, and with CR4.PCIDE set the cached roots, too.
;; note     Behind each step the roots in it are compared with what the guest's tables have said since the last flush.
;; include  long-mode
;; probe    virtual_tlb
;; probe    roots
;; right    N
;; cell     bare                                                                -> right
;; cell     tdp                                                                 -> right N roots=0
;; cell     shadow roots.prevRootsWhenPcidOff=keep                              -> right N roots=2
;; cell     shadow roots.prevRootsWhenPcidOff=free roots.unloadOnPcideSet=off   -> right N roots=1
;; cell     shadow roots.prevRootsWhenPcidOff=keep roots.unloadOnPcideSet=off   -> wrong O stale@3 roots=0
main:   mov dword [PTB], OLD + 3
        mov rax, PML4B
        mov cr3, rax
        mov al, [X]             ; b's tables are used, so that its root is worth keeping
        mov rax, PML4A
        mov cr3, rax            ; step 0: CR4.PCIDE is clear, CR3 is a, and b's root is cached
        mov al, 0x80
        out 0x80, al
        mov dword [PTB], NEW + 3 ; step 1: the guest edits b's page table
        mov al, 1
        out 0x80, al
        mov eax, 1
        invpcid rax, [pcid0]    ; step 2: INVPCID, single context, PCID 0: the TLB holds nothing of it any more
        mov al, 0x82
        out 0x80, al
        mov rax, cr4
        bts rax, 17
        mov cr4, rax            ; step 3: CR4.PCIDE is set
        mov al, 3
        out 0x80, al
        mov rax, PML4B + NOFLUSH
        mov cr3, rax            ; step 4: MOV CR3 to b, PCID 0, with bit 63: no flush
        mov al, 4
        out 0x80, al
        mov bl, [X]             ; step 5: the guest reads through the entry that it has edited
        mov al, 5
        out 0x80, al
        mov al, bl
        jmp tell
