;; scenario G21: EPTP switching to tables with accessed and dirty flags
;; origin   Linux 272b0a998d08 (KVM: nVMX: Don't clobber nested MMU's A/D status on EPTP switch)
;; include  ept
;; right    D
;; cell     bare                            -> right
;; cell     tdp                             -> right
;; cell     tdp vmfunc.accessedDirty=kept   -> wrong -
LIST    equ 0x239000
main:   mov dword [PTB], X + 3
        mov dword [EPTX], OLD + 0x37
        mov dword [LIST], EPT
        mov dword [LIST + 8], EPT + 0x40
        call vmx_on
        call ept_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, SECONDARY
        mov eax, 0x2000         ; VM functions
        call set
        mov edx, 0x2018
        mov eax, 1
        call write              ; EPTP switching
        mov edx, 0x2024
        mov eax, LIST
        call write              ; step 0: EPTP 0 of the list has no accessed and dirty flags, EPTP 1 has them
        call enter
        mov eax, [EPTX]
        and eax, 0x300
        cmp eax, 0x300          ; step 3: L1 looks at the entry's flags
        mov al, 'D'
        je tell
        mov al, '-'
        jmp tell
l2:     xor eax, eax
        mov ecx, 1
        vmfunc                  ; step 1: L2 switches to EPTP 1
        mov byte [X], 1         ; step 2: L2 writes to a page
        vmcall
