M1      equ 0xd0000000          ; no memory there: it reads as ones
main:   mov dword [PTA], M1 + 0x1b
        mov dword [PTB], NEW + 3
        mov rax, cr4
        bts rax, 17
        mov cr4, rax
        mov rax, PML4B + 2      ; PCID 2: B's root is made and will be cached
        mov cr3, rax
        mov al, [X]
        mov rax, PML4A + 1      ; PCID 1
        mov cr3, rax
        mov al, [X]             ; MMIO: the cache holds X and M1
        mov rax, PML4B + 2 + NOFLUSH
        mov cr3, rax
        mov rsi, X
        mov edx, 0x3f8
        outsb                   ; the emulator reads X
        jmp finish
