;; scenario S-PDPTR-SVM: PDPTE registers of L1 behind L2, on AMD's processors
;; origin   APM Vol. 2, "#VMEXIT"
;; note     What is the bug on VMX is the rule here: there is no VMfail, and each #VMEXIT loads the host's PDPTEs from memory at its
;; note     CR3, so that an edit counts. With nested paging there are no such registers: each walk reads memory.
;; note     (Unverified: whether silicon loads them, too, where VMRUN's checks fail. Nestbox's does not, nor does KVM.)
;; include  pae32
;; cpu      EPYC-Milan
;; right    C
;; cell     bare                         -> right
;; cell     tdp                          -> right
;; cell     tdp svm.hostPdptes=kept      -> right
;; cell     shadow                       -> right
;; cell     shadow svm.hostPdptes=kept   -> wrong B
HSAVE   equ 0x400000
VMCB    equ 0x401000
main:   mov ecx, 0xc0000080
        rdmsr
        or eax, 0x1000
        wrmsr                   ; EFER.SVME
        mov [VMCB + 0x4d0], eax
        mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr                   ; step 0: L1 is in PAE paging with CR3 = C1 and the PDPTE registers P1; L0 uses no nested paging
        mov dword [C1 + 8], PDC + 1 ; step 1: L1 edits its table in memory and does not load CR3
        mov esi, values
more:   lodsd
        cmp eax, -1
        je run
        mov edi, eax
        movsd
        jmp more
run:    mov eax, cr0
        mov [VMCB + 0x558], eax
        mov eax, VMCB
        vmrun                   ; step 2: VMRUN: L2 is in PAE paging with CR3 = C2 and other entries
        cmp dword [VMCB + 0x70], 0x81
        jne odd
        mov al, [X]             ; step 4: L1 reads a page that P1 and the edited entry map to different frames
        jmp tell
odd:    mov al, '?'
        jmp tell
l2:     vmmcall                 ; step 3: L2 leaves: #VMEXIT loads the host's state

        align 4
values: dd VMCB + 0x10, 3, VMCB + 0x58, 1
        dd VMCB + 0x410, 0x0c9b0008, VMCB + 0x414, -1
        dd VMCB + 0x420, 0x0c930010, VMCB + 0x424, -1
        dd VMCB + 0x430, 0x0c930010, VMCB + 0x434, -1
        dd VMCB + 0x400, 0x0c930010, VMCB + 0x404, -1
        dd VMCB + 0x548, 0x20, VMCB + 0x550, C2
        dd VMCB + 0x570, 2, VMCB + 0x578, l2, VMCB + 0x5d8, 0x1e0000
        dd -1
