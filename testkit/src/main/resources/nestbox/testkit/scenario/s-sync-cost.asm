;; scenario S-SYNC-cost: What it costs to synchronise roots that are found again although the guest asks for no flush
;; origin   Linux, module option force_flush_and_sync_on_reuse
;; include  long-mode
;; probe    synced
;; right    N
;; cell     bare                                -> right
;; cell     tdp                                 -> right N synced=0
;; cell     shadow                              -> right N synced=0
;; cell     shadow roots.forceSyncOnReuse=on    -> slow N synced=3
main:   mov dword [PTB], NEW + 3
        mov rax, cr4
        bts rax, 17
        mov cr4, rax
        mov rax, PML4B + 2
        mov cr3, rax
        mov al, [X]
        mov rax, PML4A + 1
        mov cr3, rax            ; step 0: the guest uses PCIDs; the roots of a and b are there
        xor eax, eax
        out 0x80, al
        mov ebx, PTB + 8
.again: mov dword [rbx], OLD + 3 ; step 1: it adds an entry to b's table, which needs no flush
        add ebx, 8
        mov rax, PML4B + 2 + NOFLUSH
        mov cr3, rax
        mov cl, [X]             ; step 2: it goes to b without a flush, and reads
        mov rax, PML4A + 1 + NOFLUSH
        mov cr3, rax
        cmp ebx, PTB + 32
        jne .again
        mov al, 2
        out 0x80, al
        mov al, cl
        jmp tell                ; step 3: after three times it tells what it read
