;; scenario S-MMIO-4: L2's physical addresses and the MMIO cache, under nested EPT
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild) and the reply of 9 June
;; note     A fault reports an nGPA; the cache keeps frames of L1. A lookup hits where both are alike, but means different devices.
;; include  ept
;; probe    mmio_hits
;; right    N
;; cell     bare                                                  -> right
;; cell     tdp mmioCache.gvaAllowed=legacy                       -> right N hits=0
;; cell     tdp mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo -> right N hits=0
;; cell     tdp mmioCache.gvaAllowed=sean                         -> right N hits=0
;; cell     tdp mmioCache.nestedLookup=allow                      -> wrong N hits=1
;; cell     tdp mmioCache.gvaAllowed=any                          -> wrong \xff hits=0
M2      equ 0xd0000000
Y       equ 0x40001000
main:   mov dword [PTB], NEW + 3
        mov dword [PTB + 8], X + 0x1b
        mov dword [PTA + 8], X + 0x1b
        mov dword [EPTX], M2 + 7
        call vmx_on
        call ept_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        call enter
        call skip
        mov al, [Y]             ; step 1: L1 reads a device of its own at GPA 40000000h: the MMIO cache holds that frame
        call enter
l2:     mov al, [Y]             ; step 0: L2 reads a device at nGPA 40000000h, which EPT12 maps to another device of L1
        vmcall
        mov al, 1
        out 0x80, al
        mov al, [Y]             ; step 2: L2 reads nGPA 40000000h again: an EPT misconfiguration
        mov al, 2
        out 0x80, al
        mov rsi, X
        mov edx, 0x3f8
        outsb                   ; step 3: L0 emulates OUTSB of L2, whose linear address 40000000h leads to memory
        jmp finish
