;; scenario S-PCID-cost: What it costs in roots to empty the root cache at each MOV CR3 while PCIDs are off
;; origin   Lai Jiangshan, October 2021, "Cache CR3 in prev_roots when PCID is disabled"; Linux 21823fbda552, 509bfe3d9796
;; note     All three are right, since the guest never sets CR4.PCIDE; freeing builds a root at each of six switches.
;; include  long-mode
;; probe    virtual_tlb
;; probe    roots
;; right    N
;; cell     bare                                                                -> right
;; cell     tdp                                                                 -> right N roots=0
;; cell     shadow roots.prevRootsWhenPcidOff=keep                              -> right N roots=0
;; cell     shadow roots.prevRootsWhenPcidOff=keep roots.unloadOnPcideSet=off   -> right N roots=0
;; cell     shadow roots.prevRootsWhenPcidOff=free roots.unloadOnPcideSet=off   -> slow N roots=6
;; cell     shadow roots.prevRootsWhenPcidOff=keep roots.freeUnsyncOnGuestFlush=off -> right N roots=0
main:   mov dword [PTB], OLD + 3
        mov rax, PML4B
        mov cr3, rax
        mov al, [X]
        mov rax, PML4A
        mov cr3, rax            ; step 0: CR4.PCIDE is clear; the guest has two address spaces, a and b
        mov al, 0x80
        out 0x80, al
        mov dword [PTB], NEW + 3 ; step 1: it edits b's page table
        mov ebx, 3
.again: mov rax, PML4B
        mov cr3, rax
        mov al, 0x82
        out 0x80, al
        mov cl, [X]
        mov rax, PML4A
        mov cr3, rax            ; step 2: it goes to b and back, three times
        mov al, 0x82
        out 0x80, al
        dec ebx
        jnz .again
        mov al, cl
        jmp tell                ; step 3: what it read in b is the edited entry's page
