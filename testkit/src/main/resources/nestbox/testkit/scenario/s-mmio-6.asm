;; scenario S-MMIO-6: Paging is switched off and on again, with other tables
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild) and the reply of 9 June
;; note     "sean" looks at the present CR0.PG only: without a clear it is wrong here. Right without any clear it is in S-MMIO-3 alone.
;; include  flat32
;; right    N
;; cell     bare                                                                       -> right
;; cell     tdp                                                                        -> right
;; cell     shadow mmioCache.gvaAllowed=legacy                                         -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo             -> right
;; cell     shadow mmioCache.gvaAllowed=sean                                           -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnSync=off            -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnUnload=off mmioCache.clearOnSync=off -> wrong \xff
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo mmioCache.clearOnUnload=off mmioCache.clearOnSync=off -> right
;; cell     shadow mmioCache.gvaAllowed=sean mmioCache.clearOnUnload=off mmioCache.clearOnSync=off   -> wrong \xff
main:   mov dword [PDA + ENTRY_G], G + 0x9b
        mov dword [PDB + ENTRY_G], NEW + 0x83
        mov eax, PDA
        mov cr3, eax
        call paging
        mov al, [G]             ; step 0: shadow paging, CR0.PG=1: G leads to a device, and the MMIO cache holds it
        call flatly             ; step 1: CR0.PG is cleared
        mov eax, PDB
        mov cr3, eax
        call paging             ; step 2: CR0.PG is set again, with tables that map G to memory
        mov esi, G
        mov edx, 0x3f8
        outsb                   ; step 3: L0 emulates OUTSB for its port, and reads G
        jmp finish
