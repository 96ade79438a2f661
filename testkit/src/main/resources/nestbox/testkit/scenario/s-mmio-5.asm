;; scenario S-MMIO-5: L1 and L2 share the cache of linear addresses when neither has EPT
;; origin   patch 2/3 of 4 June 2026 (MMU: unconditionally clear MMIO cache on root rebuild) and the reply of 9 June
;; note     L1 gives L2 a VPID, so that the transitions flush nothing, and both roots are found in the cache.
;; include  vmx64
;; right    NN
;; cell     bare                                                                       -> right
;; cell     tdp                                                                        -> right
;; cell     shadow mmioCache.gvaAllowed=legacy                                         -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnLoad=paolo             -> right
;; cell     shadow mmioCache.gvaAllowed=sean                                           -> right
;; cell     shadow mmioCache.gvaAllowed=legacy mmioCache.clearOnNewPgdHit=off          -> wrong \xff\xff
;; cell     shadow mmioCache.gvaAllowed=sean mmioCache.clearOnNewPgdHit=off            -> wrong \xff\xff
M1      equ 0xd0000000
Y       equ 0x40001000
main:   mov dword [PTA], M1 + 0x1b
        mov dword [PTB], NEW + 3
        mov dword [PTA + 8], NEW + 3
        mov dword [PTB + 8], M1 + 0x1b
        call vmx_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, PRIMARY
        mov eax, 0x80000000
        call set
        mov edx, SECONDARY
        mov eax, 0x20
        call set
        mov edx, VPID
        mov eax, 1
        call write
        call enter              ; step 0: L2 has run once, and its root is cached
        call skip
        mov al, [X]             ; step 1: L1 reads a device at X: the MMIO cache holds X
        call enter              ; step 2: VM entry to L2, where X leads to memory and Y to the device
        mov rsi, Y
        mov edx, 0x3f8
        outsb                   ; step 5: L0 emulates OUTSB of L1, where Y leads to memory
        jmp finish
l2:     vmcall
        mov rsi, X
        mov edx, 0x3f8
        outsb                   ; step 3: L0 emulates OUTSB of L2, and reads X
        mov al, [Y]             ; step 4: L2 reads a device at Y, and leaves
        vmcall
