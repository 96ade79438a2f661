;; scenario S-MMIO-1: MOV CR3 to a cached root, where an address leads to memory and no longer to a device
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild) and the reply of 9 June
;; include  long-mode
;; right    N
;; cell     bare                                                       -> right
;; cell     tdp                                                        -> right
;; cell     shadow mmioCache.gvaAllowed=legacy                         -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo   -> right
;; cell     shadow mmioCache.gvaAllowed=sean                           -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnNewPgdHit=off -> wrong \xff
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo mmioCache.clearOnNewPgdHit=off -> wrong \xff
;; cell     shadow mmioCache.gvaAllowed=sean mmioCache.clearOnNewPgdHit=off   -> wrong \xff
M1      equ 0xd0000000          ; no memory there: it reads as ones
main:   mov dword [PTA], M1 + 0x1b
        mov dword [PTB], NEW + 3
        mov rax, cr4
        bts rax, 17
        mov cr4, rax
        mov rax, PML4B + 2      ; PCID 2: B's root is made and will be cached
        mov cr3, rax
        mov al, [X]             ; step 0: shadow paging, and the root of B, where X leads to memory, is cached
        mov rax, PML4A + 1      ; PCID 1
        mov cr3, rax
        mov al, [X]             ; step 1: CR3 is A, where X leads to a device: the MMIO cache holds X and M1
        mov rax, PML4B + 2 + NOFLUSH
        mov cr3, rax            ; step 2: MOV CR3 to B, which finds the cached root
        mov rsi, X
        mov edx, 0x3f8
        outsb                   ; step 3: L0 emulates OUTSB for its port, and reads X
        jmp finish
