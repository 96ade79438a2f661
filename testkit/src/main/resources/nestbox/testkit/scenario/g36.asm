;; scenario G36: A table of L1 that is out of sync is a directory of L2
;; origin   Linux, 22 June 2021 (KVM: x86/mmu: Zap unsync pages when creating an upper level shadow page)
;; note     L1 has EFER.NXE clear, so that bit 63 is reserved for it; for L2, which has it set, it is not.
;; note     L2 takes the letter O at the page's start for an entry of a page table, and sets its accessed flag: o.
;; include  vmx64
;; include  faults
;; probe    zapped
;; right    P
;; cell     bare                                  -> right
;; cell     tdp                                   -> right P zapped=0
;; cell     shadow                                -> right P zapped=1
;; cell     shadow shadow.upperLevelUnsync=keep   -> right P zapped=0
;; cell     shadow shadow.upperLevelUnsync=sync   -> wrong o zapped=0
main:   call faults_on
        mov dword [PTA], OLD + 3
        mov dword [PDPTB + 16], PTA + 3
        call vmx_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, 0x6c0e
        mov eax, IDT
        call write
        mov edx, 0x2806
        mov eax, 0xd00          ; EFER of L2: NXE, LMA, LME
        call write
        mov edx, ENTRY_CONTROLS
        mov eax, 0x8000
        call set
        mov edx, 0x2c02
        mov eax, 0x500
        call write
        mov edx, 0x400c
        mov eax, 0x200000
        call set                ; step 0: L2 has EFER.NXE set, L1 clear
        mov al, [X]             ; step 1: L1 reads X: its table is shadowed
        mov dword [PTA], OLD + 0x23
        mov dword [PTA + 4], 0x80000000 ; step 2: L1 sets bit 63 of the entry: the shadow is out of sync
        xor eax, eax
        out 0x80, al
        call enter              ; step 4: VM entry and VM exit flush everything
        mov al, 4
        out 0x80, al
        mov al, [X]             ; step 5: L1 reads X: bit 63 is reserved, #PF
        jmp tell
l2:     mov ebx, 2 * X
        mov al, [rbx]           ; step 3: L2 reads through the table as a directory
        vmcall
