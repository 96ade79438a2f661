;; scenario S-PSE: CR4.PSE is cleared while a directory's entry has bit 7 set
;; origin   SDM Vol. 3, "32-Bit Paging": bit 7 of a PDE is ignored if CR4.PSE = 0
;; note     Linux drops its roots, but finds the shadows of the same role again, with the 4-MiB page in them.
;; include  flat32
;; right    N
;; cell     bare                        -> right
;; cell     tdp                         -> right
;; cell     shadow                      -> right
;; cell     shadow shadow.pseInRole=off -> wrong O
TABLE   equ 0x202000
Y       equ G + 0x10000
main:   mov edi, TABLE
        mov eax, 3
.page:  stosd
        add eax, 0x1000
        cmp eax, 0x400003
        jne .page
        mov dword [PDA], TABLE + 3 ; the first 4 MiB by a table, so that they stay
        mov byte [OLD + 0x10000], 'O'
        mov dword [OLD + 0x40], NEW + 3
        mov dword [PDA + ENTRY_G], OLD + 0x83
        mov eax, PDA
        mov cr3, eax
        call paging
        mov al, [Y]             ; step 0: the guest reads a 4-MiB page
        xor eax, eax
        mov cr4, eax            ; step 1: CR4.PSE is cleared: the entry names a table, which is there
        mov eax, PDA
        mov cr3, eax
        mov al, [Y]             ; step 2: the guest reads through the table
        jmp tell
