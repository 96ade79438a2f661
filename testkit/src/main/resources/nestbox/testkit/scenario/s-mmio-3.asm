;; scenario S-MMIO-3: Paging is switched on, and a device's address leads to memory
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild) and the reply of 9 June
;; note     The direct MMU of CR0.PG=0 stores a linear address only where no slot is found, and never looks one up at a fault.
;; note     "sean" is right here with no clear anywhere, since it never stored the address.
;; include  flat32
;; right    N
;; cell     bare                                                                       -> right
;; cell     tdp                                                                        -> right
;; cell     shadow mmioCache.gvaAllowed=legacy                                         -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo             -> right
;; cell     shadow mmioCache.gvaAllowed=sean                                           -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnSync=off            -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnUnload=off mmioCache.clearOnSync=off -> wrong \xff
;; cell     shadow mmioCache.clearOnLoad=paolo mmioCache.gvaAllowed=legacy mmioCache.clearOnUnload=off mmioCache.clearOnSync=off -> right
;; cell     shadow mmioCache.gvaAllowed=sean mmioCache.clearOnUnload=off mmioCache.clearOnSync=off mmioCache.clearOnNewPgdHit=off -> right
main:   mov dword [PDA + ENTRY_G], NEW + 0x83
        mov eax, PDA
        mov cr3, eax
        mov al, [G]             ; step 0: shadow paging with CR0.PG=0: the guest reads a device at G
        call paging             ; step 1: CR0.PG is set; the tables map G to memory
        mov esi, G
        mov edx, 0x3f8
        outsb                   ; step 2: L0 emulates OUTSB for its port, and reads G
        jmp finish
