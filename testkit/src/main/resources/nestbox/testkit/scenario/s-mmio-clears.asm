;; scenario S-MMIO-clears: What building a root forgets of the MMIO cache
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild)
;; note     A shadow root is synchronised when it is built, which forgets the linear address already.
;; include  long-mode
;; probe    mmio_clears
;; right    N
;; cell     bare                                 -> right
;; cell     tdp                                  -> right N clears=0
;; cell     shadow                               -> right N clears=1
;; cell     shadow mmioCache.clearOnLoad=paolo   -> right N clears=2
main:   mov dword [PTA], 0xd000001b
        mov dword [PTB], NEW + 3
        mov al, [X]             ; step 0: X leads to a device: the MMIO cache holds it
        xor eax, eax
        out 0x80, al
        mov rax, PML4B
        mov cr3, rax            ; step 1: MOV CR3 to tables that have no root yet
        mov bl, [X]             ; step 2: the guest reads X
        mov al, 2
        out 0x80, al
        mov al, bl
        jmp tell
