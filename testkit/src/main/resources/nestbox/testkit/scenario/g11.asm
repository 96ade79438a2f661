;; scenario G11: Low bits of nCR3 in PAE paging
;; origin   CVE-2024-50115, Linux f559b2e9c5c5 (KVM: nSVM: Ignore nCR3[4:0] when loading PDPTEs from memory)
;; note     The table of four entries ends at the end of a page; bits 4:0 of nCR3 are ignored. Who adds them reads beyond the page.
;; include  pae32
;; cpu      EPYC-Milan
;; right    N
;; cell     bare                         -> right
;; cell     tdp                          -> right
;; cell     tdp walk.ncr3Low=used        -> wrong F
HSAVE   equ 0x400000
VMCB    equ 0x401000
NPDPT   equ 0x402fe0
NPD     equ 0x404000
main:   mov ecx, 0xc0000080
        rdmsr
        or eax, 0x1000
        wrmsr
        mov [VMCB + 0x4d0], eax
        mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr
        mov dword [NPDPT], NPD + 1
        mov dword [NPD], 0x87
        mov dword [NPD + 8], 0x200087
        mov esi, values
more:   lodsd
        cmp eax, -1
        je run
        mov edi, eax
        movsd
        jmp more
run:    mov eax, VMCB           ; step 0: L1 is in PAE paging; NPT12's page-directory pointers end a page
        vmrun                   ; step 1: VMRUN with nCR3[4:0] set
        cmp dword [VMCB + 0x70], 0x81
        mov al, 'N'             ; step 3: L1 sees VMMCALL
        je tell
        mov al, 'F'
        jmp tell
l2:     vmmcall                 ; step 2: L2's code is fetched through NPT12

        align 4
values: dd VMCB + 0x10, 3, VMCB + 0x58, 1, VMCB + 0x90, 1, VMCB + 0xb0, NPDPT + 0x18
        dd VMCB + 0x410, 0x0c9b0008, VMCB + 0x414, -1
        dd VMCB + 0x420, 0x0c930010, VMCB + 0x424, -1
        dd VMCB + 0x430, 0x0c930010, VMCB + 0x434, -1
        dd VMCB + 0x400, 0x0c930010, VMCB + 0x404, -1
        dd VMCB + 0x558, 0x11, VMCB + 0x568, 0xffff0ff0, VMCB + 0x560, 0x400
        dd VMCB + 0x668, 0x00070406, VMCB + 0x66c, 0x00070406
        dd VMCB + 0x570, 2, VMCB + 0x578, l2, VMCB + 0x5d8, 0x1e0000
        dd -1
