;; scenario S-MMIO-9: L2 reads memory that was a device's, and L1 has a device at the address that is L2's of it
;; origin   facts A.2, S-MMIO-4: an nGPA is no address of the MMIO cache
;; note     Memory is put behind L2's address: its MMIO entry in EPT02 is of an older generation. The cache's entry of L1 is not.
;; include  ept
;; probe    plug
;; right    N
;; cell     bare                             -> right
;; cell     tdp                              -> right
;; cell     tdp mmioCache.nestedLookup=allow -> wrong \xff
Y       equ 0x40001000
main:   mov dword [PTB + 8], X + 0x1b
        mov dword [PTA + 8], X + 0x1b
        mov dword [EPTX], 0xd0000007
        call vmx_on
        call ept_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        call enter              ; step 0: L2 reads a device at nGPA 40000000h; then memory is put behind it
        call skip
        xor eax, eax
        out 0x80, al
        mov al, [Y]             ; step 1: L1 reads a device of its own at GPA 40000000h: the MMIO cache holds that frame
        call enter
        mov al, bl
        jmp tell
l2:     mov al, [Y]
        mov al, [Y]
        vmcall
        mov bl, [Y]             ; step 2: L2 reads nGPA 40000000h again
        vmcall
