; An L2 of the nested differential runs. L1 and its two guests share one list of steps: who meets a step of another hands over, by an
; exit to L1. L1 enters at "next"; in EBP is the guest's number. The steps themselves follow in steps.asm.

        org 0x100000
        bits $bits
probe_in: in al, dx             ; what L0 emulates, before the next
probe:  $hypercall              ; what a guest executes whose state is anything
        jmp probe
done:   mov eax, esi
        sub eax, STEPS
        shr eax, 5
        inc eax
        mov [TURN], eax
next:   mov esi, [TURN]
        mov edi, esi
        shl esi, 5
        add esi, STEPS
        shl edi, 4
        add edi, LOG
        mov eax, [$si]
        mov edx, eax
        and eax, 0xffff
        jz hand
        shr edx, 16
        cmp edx, ebp
        jne hand
        mov $bx, [$si + 8]
        mov $dx, [$si + 16]
        mov $cx, [$si + 24]
        jmp [operations + $ax * $bytes]
hand:   $hypercall
        jmp next

