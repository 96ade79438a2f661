;; scenario G35: INVEPT and the tables that are not in use
;; origin   Linux, March 2020 (Fixes: 14c07ad89f4d): INVEPT of L1 drops all roots of guest_mmu that it names
;; include  ept
;; right    N
;; cell     bare                             -> right
;; cell     tdp roots.freeOnInvept=all       -> right
;; cell     tdp roots.freeOnInvept=current   -> wrong O
EPT4B   equ 0x225000
main:   mov dword [PTB], X + 3
        mov dword [EPTX], OLD + 7
        mov dword [EPT4B], EPT3 + 7
        call vmx_on
        call ept_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        call enter              ; step 0: L2 runs on EPT12 a
        call skip
        mov edx, EPTP
        mov eax, EPT4B + 0x1e
        call write
        call enter              ; step 2: L2 runs on EPT12 b; a's root is cached
        call skip
        mov dword [EPTX], NEW + 7 ; step 3: L1 edits a table of a
        mov eax, 1
        invept rax, [.a]        ; step 4: INVEPT, single context, a
        mov edx, EPTP
        mov eax, EPT
        call write
        call enter              ; step 5: L2 runs on a again
        mov al, bl
        jmp tell
        align 8
.a:     dq EPT, 0
l2:     mov bl, [X]             ; step 1: and reads
        vmcall
        vmcall
        mov bl, [X]             ; step 6: and reads
        vmcall
