;; scenario G22: A device's page is cached while memory is put in its place
;; origin   Linux ddfd1730fd82 (KVM: Do not cache MMIO accesses while memslots are in flux)
;; note     The second processor reads the page while L0 is between the old slots and the new, and again before it has done.
;; include  long-mode
;; include  second
;; probe    plug_race
;; right    N
;; cell     bare cpus=2                              -> right
;; cell     tdp cpus=2                               -> right
;; cell     shadow cpus=2                            -> right
;; cell     tdp cpus=2 mmioCache.refuseInFlux=off    -> wrong \xff
;; cell     shadow cpus=2 mmioCache.refuseInFlux=off -> wrong \xff
LETTER  equ 0x23b000
main:   call second_on
        mov dword [GO], 2
        xor eax, eax
        out 0x80, al            ; step 0: userspace puts memory where a device was
.wait:  mov al, [LETTER]
        test al, al
        jz .wait                ; step 3: the first processor tells what the second has read at last
        jmp tell
        bits 32
second: cmp dword [GO], 2
        jne second
        mov al, [0xd0000000]    ; step 1: slots are about to change: the second processor reads the page
        times 600 nop
        mov al, [0xd0000000]    ; step 2: the new slots are in force: it reads the page
        mov [LETTER], al
.stay:  pause
        jmp .stay
