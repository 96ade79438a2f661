;; scenario S-MMIO-2: MOV CR3 to a root that is not cached, where an address leads to memory and no longer to a device
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild) and the reply of 9 June
;; note     Building the root clears, through the synchronisation of shadow roots, or unconditionally.
;; include  long-mode
;; right    N
;; cell     bare                                                                       -> right
;; cell     tdp                                                                        -> right
;; cell     shadow mmioCache.gvaAllowed=legacy                                         -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo             -> right
;; cell     shadow mmioCache.gvaAllowed=sean                                           -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnSync=off               -> wrong \xff
;; cell     shadow mmioCache.clearOnSync=off mmioCache.clearOnLoad=paolo               -> right
;; cell     shadow mmioCache.gvaAllowed=sean mmioCache.clearOnSync=off                 -> wrong \xff
M1      equ 0xd0000000
main:   mov dword [PTA], M1 + 0x1b
        mov dword [PTB], NEW + 3
        mov rax, cr4
        bts rax, 17
        mov cr4, rax
        mov rax, PML4A + 1
        mov cr3, rax
        mov al, [X]             ; step 0: CR3 is A, where X leads to a device: the MMIO cache holds X and M1
        mov rax, PML4B + 2 + NOFLUSH
        mov cr3, rax            ; step 1: MOV CR3 to B, whose root is not cached: the current root is invalid
        mov rsi, X
        mov edx, 0x3f8
        outsb                   ; step 2: L0 builds the root; it emulates OUTSB for its port, and reads X
        jmp finish
