;; scenario S-MMIO-hits: Who finds a device without paging in the MMIO cache, by its linear or by its physical address
;; origin   facts A.2: equivalence check of the rules for a guest that stays at CR0.PG=0
;; note     The emulator looks for a linear address, which one rule stores without paging and the other does not.
;; include  flat32
;; probe    mmio_hits
;; right    \xff
;; cell     bare                                 -> right
;; cell     tdp                                  -> right \xff hits=2
;; cell     shadow mmioCache.gvaAllowed=sean     -> right \xff hits=2
;; cell     shadow mmioCache.gvaAllowed=legacy   -> right \xff hits=5
main:   mov al, 0
        out 0x80, al
        mov al, [G]             ; step 0: the guest reads a device, for the first time
        mov al, [G + 4]
        mov al, [G + 8]         ; step 1: it reads on
        mov bl, al
        mov al, 1
        out 0x80, al
        mov al, bl
        jmp tell
