;; scenario R-sync: Another processor writes to a page table while L0 reads it again
;; origin   Linux, mmu_sync_children: write protection, then a flush of all processors, then the table is read
;; note     The second processor has the right to write to the table in its TLB. It runs where L0 has read the first entry.
;; include  long-mode
;; include  second64
;; right    N
;; cell     bare cpus=2                                             -> right
;; cell     shadow cpus=2                                           -> right
;; cell     shadow cpus=2 yield=sync-entry=40                       -> right
;; cell     shadow cpus=2 shadow.syncFlush=after                    -> right
;; cell     shadow cpus=2 yield=sync-entry=40 shadow.syncFlush=after -> wrong O
;; cell     tdp cpus=2 yield=sync-entry=40 shadow.syncFlush=after   -> right
GO      equ 0x20c000
main:   mov dword [PTA], OLD + 3
        mov al, [X]             ; step 0: the table at PTA is shadowed
        call second_on
.ready: cmp dword [GO], 1
        jne .ready
        mov rax, cr3
        mov dword [GO], 2
        mov cr3, rax            ; step 2: L0 protects the table and reads it again
.seen:  cmp dword [GO], 3
        jne .seen
        mov al, [GO + 4]
        jmp tell

second: mov al, [X]
        mov dword [PTA + 8], 0  ; step 1: the second processor writes to the table, which gets out of sync
        mov dword [GO], 1
.go:    cmp dword [GO], 2
        jne .go
        mov dword [PTA], NEW + 3 ; step 3: it writes to the table again
        invlpg [X]              ; step 4: it invalidates the page
        mov al, [X]             ; step 5: it reads the page
        mov [GO + 4], al
        mov dword [GO], 3
.stay:  hlt
        jmp .stay
