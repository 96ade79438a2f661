;; scenario S-ROLE: L1 with CR0.WP clear and L2 with CR0.WP set use the same tables
;; origin   facts B.2: a cached root is found by its tables' address and its role
;; include  vmx64
;; right    P
;; cell     bare                            -> right
;; cell     tdp                             -> right
;; cell     shadow                          -> right
;; cell     shadow roots.compareRole=off    -> wrong W
main:   mov dword [PTA], OLD + 1
        call vmx_on
        mov edx, EXCEPTIONS
        mov eax, 1 << 14
        call write
        mov rax, cr0
        btr rax, 16
        mov cr0, rax            ; step 0: L1 clears CR0.WP
        mov edx, 0x6c00
        call write
        mov byte [X], 'O'       ; step 1: it writes to a page that is read-only
        call enter
        cmp al, VMCALL_EXIT
        mov al, 'W'
        je tell
        mov al, 'P'             ; step 3: L1 sees L2's #PF
        jmp tell
l2:     mov byte [X], 'W'       ; step 2: L2, with CR0.WP set and CR3 of L1, writes to the page
        vmcall
