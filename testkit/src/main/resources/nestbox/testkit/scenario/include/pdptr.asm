;; include pae32
;; include vmx32
; L1 in PAE paging; L2, without EPT, in PAE paging with other tables. The entry fails in hardware alone: the TPR threshold is above
; the virtual TPR, which KVM leaves to hardware, because L1 can change that page at any time. Then L1 reads X through whatever PDPTE
; registers it has. P1 is what L1 writes into its table in memory before the entry; VMLAUNCH is told apart from an exit by flags.

VMXON   equ 0x400000
VMCS    equ 0x401000
VAPIC   equ 0x700000

main:   mov eax, cr4            ; step 0: CR3 is C1 and the PDPTE registers hold P1; L0 uses no EPT
        or eax, 0x2000
        mov cr4, eax
        mov eax, cr0
        or eax, 0x20
        mov cr0, eax
        call operate
        mov [VMCS], eax
        vmclear [pvmcs]
        vmptrld [pvmcs]
        call fields
        mov edx, C2
        mov eax, 0x6802
        vmwrite eax, edx
        mov edx, C1
        mov eax, 0x6c02
        vmwrite eax, edx
        mov dword [C1 + 8], P1  ; step 1: L1's table in memory is what the variant makes of it, CR3 is not loaded
                                ; step 2: vmcs12 has no EPT; L2 is in PAE paging with CR3 = C2 and other entries, P2
                                ; step 3: the TPR threshold is above the virtual TPR, and only hardware notices
                                ; step 4: L0's checks pass, and P2 is loaded
                                ; step 5: hardware refuses vmcs02 with VMfail
        vmlaunch                ; step 6: L0 unwinds, and L1 finds VMfailValid(7)
        jnz odd                 ; VMfailValid sets ZF
        mov eax, 0x4400
        vmread ebx, eax
        cmp ebx, 7              ; VM-instruction error: controls
        jne odd
        mov al, [X]             ; step 7: L1 reads a page that P1 and P2 map to different frames
        jmp tell
odd:    mov al, '?'
        jmp tell
leave2: mov al, '!'
        jmp tell

        align 8
pvmxon: dq VMXON
pvmcs:  dq VMCS
constant:
        dd 0x2800, 0xffffffff, 0x2801, 0xffffffff
        dd 0x4004, 0, 0x2012, VAPIC, 0x401c, 1
        dd 0x0c00, 16, 0x0c02, 8, 0x0c04, 16, 0x0c06, 16, 0x0c08, 16, 0x0c0a, 16, 0x0c0c, 24
        dd 0x6c0c, gdt, 0x6c14, 0x1f0000, 0x6c16, leave2
        dd 0x0800, 16, 0x0802, 8, 0x0804, 16, 0x0806, 16, 0x0808, 16, 0x080a, 16, 0x080e, 24
        dd 0x4800, 0xffffffff, 0x4802, 0xffffffff, 0x4804, 0xffffffff
        dd 0x4806, 0xffffffff, 0x4808, 0xffffffff, 0x480a, 0xffffffff, 0x480e, 0x67
        dd 0x4814, 0xc093, 0x4816, 0xc09b, 0x4818, 0xc093, 0x481a, 0xc093, 0x481c, 0xc093, 0x481e, 0xc093
        dd 0x4820, 0x10000, 0x4822, 0x8b
        dd 0x6816, gdt, 0x4810, 31
        dd 0x681a, 0x400, 0x6820, 2, 0x681c, 0x1e0000, 0x681e, leave2
        dd -1
controls:
        dd 0x4000, 0x481, 0
        dd 0x4002, 0x482, 0x200000              ; TPR shadow
        dd 0x400c, 0x483, 0
        dd 0x4012, 0x484, 0
        dd -1
