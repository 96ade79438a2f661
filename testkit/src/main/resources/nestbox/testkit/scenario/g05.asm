;; scenario G5: L0 emulates another instruction for L2 than the one that left it
;; origin   CVE-2020-2732, Linux 07721feee46b (nVMX: Don't emulate instructions in guest mode)
;; note     L2 changes its code page's table entry without INVLPG: hardware may still run the old code, whose read of a device leaves
;; note     to L0, which walks the tables and finds an OUT. On bare silicon the old code goes on; either is permitted, L2's OUT is not.
;; include  ept
;; right    N
;; cell     bare                                       -> right
;; cell     tdp                                        -> right
;; cell     tdp exits.emulationInterceptChecks=off     -> wrong ON
DEVICE  equ 0x40001000
CODE1   equ 0x340000
CODE2   equ 0x341000
main:   mov dword [EPTX + 8], 0xd0000007
        mov dword [PTB], CODE1 + 3
        mov dword [PTB + 8], DEVICE + 0x1b
        mov edi, CODE1
        mov eax, 0x90909090
        mov ecx, 0x800
        rep stosd               ; both pages: NOPs
        mov byte [CODE1], 0xc3  ; RET
        mov esi, old
        mov edi, CODE1 + 0x10
        mov ecx, 16
        rep movsb
        mov esi, new
        mov edi, CODE2 + 0x10
        mov ecx, 16
        rep movsb
        call vmx_on
        call ept_on
        mov edx, GUEST_CR3
        mov eax, PML4B
        call write
        mov edx, PRIMARY
        mov eax, 0x01000000     ; unconditional I/O exiting
        call set                ; step 0: L1 intercepts every port of L2
        call enter
        mov al, 'N'
        jmp tell                ; step 4: L1 has an exit
l2:     mov ebx, DEVICE
        mov edx, 0x3f8
        mov al, 'O'
        mov rsi, X
        call rsi                ; step 1: the code at X is run once, so that hardware knows its translation
        mov dword [PTB], CODE2 + 3 ; step 2: L2 gives X another page of code, and forgets INVLPG
        mov al, 'O'
        add rsi, 0x10
        jmp rsi                 ; step 3: it runs what hardware has cached: a read of a device
old:    mov cl, [rbx]
        vmcall
        times 8 nop
new:    out dx, al
        nop
        vmcall
        times 8 nop
