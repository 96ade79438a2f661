;; scenario G17: A table that is out of sync is linked below a directory's entry
;; origin   Linux 65855ed8b034, 5.15 (KVM: X86: Synchronize the shadow pagetable before link it)
;; note     An entry that was not present needs no flush; nothing is cached of the new range.
;; include  long-mode
;; right    N
;; cell     bare                                  -> right
;; cell     tdp                                   -> right
;; cell     shadow roots.syncChildBeforeLink=on   -> right
;; cell     shadow roots.syncChildBeforeLink=off  -> wrong O
main:   mov dword [PTA], OLD + 3
        mov dword [PTA + 8], OLD + 3
        mov al, [X]             ; step 0: shadow paging; the table for X is shadowed
        mov dword [PTA], NEW + 3 ; step 1: the guest edits it: its shadow is out of sync
        mov dword [PDA + 8], PTA + 3 ; step 2: an entry of the directory that was not present gets the table, too
        mov al, [X + 0x201000]  ; step 3: the guest reads another page of the new range, which links the table
        mov al, [X + 0x200000]  ; step 4: it reads through the entry that it has edited
        jmp tell
