main:   mov dword [PTB], OLD + 3
        mov rax, PML4B
        mov cr3, rax
        mov al, [X]             ; b's tables are used, so that its root is worth keeping
        mov rax, PML4A
        mov cr3, rax            ; step 1: a runs, b's root is cached
        mov dword [PTB], NEW + 3 ; step 2
        mov eax, 1
        invpcid rax, [pcid0]    ; step 3: single context, PCID 0
        mov rax, cr4
        bts rax, 17
        mov cr4, rax            ; step 4: PCIDE
        mov rax, PML4B + NOFLUSH
        mov cr3, rax            ; step 5
        mov al, [X]             ; step 6
        jmp tell
