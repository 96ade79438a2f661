;; scenario S-MMIO-8: The generation of an MMIO entry comes round while memory is put where the device was
;; origin   Linux e1359e2beb8b and before: MMIO entries of tables keep 19 bits of the generation of memory slots
;; note     Of the 2^18 updates of slots only those matter at which the kept bits are 0, and at which they are as before.
;; include  long-mode
;; probe    plug_wrap
;; right    N
;; cell     bare                                    -> right
;; cell     tdp                                     -> right
;; cell     shadow                                  -> right
;; cell     tdp mmioCache.generationWrap=ignore     -> wrong \xff
;; cell     shadow mmioCache.generationWrap=ignore  -> wrong \xff
main:   mov dword [PTA], 0xd000001b
        mov al, [X]             ; step 0: the guest reads a device: L0's table has an MMIO entry; then memory is put there
        mov al, [X]
        xor eax, eax
        out 0x80, al
        mov al, [X]             ; step 1: the guest reads memory
        jmp tell
