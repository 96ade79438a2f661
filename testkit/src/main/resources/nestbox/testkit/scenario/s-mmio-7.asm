;; scenario S-MMIO-7: INVLPG of a page that led to a device and leads to memory
;; origin   facts B.5: INVLPG forgets the page in the MMIO cache, too
;; include  long-mode
;; right    N
;; cell     bare                                   -> right
;; cell     tdp                                    -> right
;; cell     shadow                                 -> right
;; cell     shadow mmioCache.clearOnInvlpg=off     -> wrong \xff
M1      equ 0xd0000000          ; no memory there: it reads as ones
main:   mov dword [PTA], M1 + 0x1b
        mov al, [X]             ; step 0: X leads to a device: the MMIO cache holds X and M1
        mov dword [PTA], NEW + 3
        invlpg [X]              ; step 1: the guest maps X to memory and invalidates it
        mov rsi, X
        mov edx, 0x3f8
        outsb                   ; step 2: L0 emulates OUTSB for its port, and reads X
        jmp finish
