;; scenario G37: EFER.NXE is cleared while an entry has bit 63 set
;; origin   Linux 9645bb56b31a, 2.6.23: shadows must differ by EFER.NX
;; note     The bit is reserved then. Linux forces NX into the role of shadow pages since, and has the same page for both.
;; include  long-mode
;; include  faults
;; right    P
;; cell     bare                       -> right
;; cell     tdp                        -> right
;; cell     shadow shadow.nxInRole=on  -> right
;; cell     shadow shadow.nxInRole=off -> wrong W
main:   call faults_on
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x800
        wrmsr                   ; EFER.NXE
        mov dword [PTA], OLD + 3
        mov dword [PTA + 4], 0x80000000
        mov al, [X]             ; step 0: the guest reads a page that it may not execute
        mov ecx, 0xc0000080
        rdmsr
        and eax, 0xfffff7ff
        wrmsr                   ; step 1: EFER.NXE is cleared
        mov rax, cr3
        mov cr3, rax            ; step 2: the TLB is flushed
        mov al, [X]             ; step 3: the guest reads again: bit 63 is reserved now, #PF
        mov al, 'W'
        jmp tell
