;; scenario S-VMFAIL-unload: What it costs in roots to drop them when hardware refuses an entry
;; origin   patch 3/3 of 4 June 2026, "nVMX: remove unnecessary unload on processor-detected VMFail"
;; note     Both are right. Without the unload both roots are found again, by address and role; with it each attempt builds two.
;; note     With EPT roots do not depend on CR3: that of L1 and that of L2 differ by role alone.
;; include  vmfail
;; note     Where hardware is asked before L2's state is loaded, there is nothing to unwind: no root is built or dropped.
;; probe    roots
;; right    A
;; cell     bare                          -> right
;; cell     tdp                           -> right A roots=0
;; cell     tdp vmfail.unload=on          -> slow A roots=6
;; cell     shadow                        -> right A roots=0
;; cell     shadow vmfail.unload=on       -> slow A roots=6
;; cell     shadow vmfail.unload=on vmfail.cr3=early -> right A roots=0
main:   mov byte [OLD], 'A'
        mov dword [PTA], OLD + 3
        call vmx_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write              ; step 0: L1 and L2 have different CR3s
        call refuse             ; step 1: vmcs12 has a defect that only hardware notices
        call enter              ; step 2: a first attempt makes L2's root
        mov al, 2
        out 0x80, al
        call enter
        call enter
        call enter
        mov al, [X]             ; step 3: three more attempts, and L1 reads memory
        mov bl, al
        mov al, 3
        out 0x80, al
        mov al, bl
        jmp tell
l2:     vmcall
