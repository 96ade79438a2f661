;; scenario S-OPEN-BUS: A table that lies where no memory is
;; origin   the PC's bus, which reads as ones; Linux takes such an entry for not present
;; note     Ones are a present entry with reserved bits: the error code of the #PF tells.
;; include  long-mode
;; right    \x09
;; cell     bare                                    -> right
;; cell     tdp                                     -> right
;; cell     shadow                                  -> right
;; cell     shadow walk.tableOutsideMemory=fault    -> wrong \x00
IDT     equ 0x213000
main:   mov eax, on_pf
        mov [IDT + 14 * 16], ax
        mov word [IDT + 14 * 16 + 2], 8
        mov word [IDT + 14 * 16 + 4], 0x8e00
        shr eax, 16
        mov [IDT + 14 * 16 + 6], ax
        lidt [.idtr]
        mov dword [PDA], 0xd0000003 ; step 0: a directory's entry leads to a table outside memory
        mov al, [X]             ; step 1: the guest reads through it
        jmp tell
.idtr:  dw 0x1ff
        dq IDT
on_pf:  pop rax                 ; step 2: #PF; the guest prints its error code
        jmp tell
