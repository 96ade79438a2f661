;; scenario G13: Two paths of different rights to one page table
;; origin   CVE-2021-38198, Linux b1bd5cba3306 (KVM: X86: MMU: Use the correct inherited permissions to get shadow page)
;; include  long-mode
;; include  faults
;; right    P
;; cell     bare                                -> right
;; cell     tdp                                 -> right
;; cell     shadow shadow.tableAccess=ancestors -> right
;; cell     shadow shadow.tableAccess=deepest   -> wrong W
main:   call faults_on
        mov dword [PDPTA + 16], PDA + 1
        mov dword [PDA], PTA + 1
        mov dword [PDA + 8], PTB + 3
        mov dword [PTA], OLD + 3
        mov dword [PTB], NEW + 3 ; step 0: X and 2X share a directory, X writable, 2X read-only; of its tables the first is read-only
        mov al, [X]             ; step 1: read by the writable path, through the read-only table
        mov byte [X + 0x200000], 1 ; step 2: write by it, through the writable table
        mov ebx, 2 * X
        mov al, [rbx]           ; step 3: read by the read-only path
        mov byte [rbx + 0x200000], 2 ; step 4: write by it: #PF
        mov al, 'W'
        jmp tell
