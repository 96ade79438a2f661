;; include vmx64
; "call ept_on" gives L2 an EPT12 that maps the first 4 MiB to themselves; what the table EPTX maps, from X on, is the scenario's.
EPT4    equ 0x220000
EPT3    equ 0x221000
EPT2    equ 0x222000
EPT2X   equ 0x223000
EPTX    equ 0x224000
EPT     equ EPT4 + 0x1e         ; write-back, four levels

ept_on: mov dword [EPT4], EPT3 + 7
        mov dword [EPT3], EPT2 + 7
        mov dword [EPT3 + 8], EPT2X + 7
        mov dword [EPT2], 0xb7
        mov dword [EPT2 + 8], 0x2000b7
        mov dword [EPT2X], EPTX + 7
        mov edx, EPTP
        mov eax, EPT
        call write
        mov edx, PRIMARY
        mov eax, 0x80000000
        call set
        mov edx, SECONDARY
        mov eax, 2
        jmp set

