; The guest of the differential runs: each processor walks one list of steps (Step.java) and carries out those that are its own.
; A turn counter in memory keeps the steps of several processors in order. In ESI the step, in EDI its entry of the log, in EBP
; the processor's number. What the steps do follows in steps.asm. Java replaces words that begin with a dollar sign: $ax is EAX or
; RAX, $word is dd or dq.

        org 0x100000
        bits 32

header: dd 0x1badb002, 0x10000, 0xe4514ffe
        dd 0x100000, 0x100000, 0, 0, start
        jmp flat                ; at 100020h: other processors, in protected mode, with their number in EBP

start:  xor ebp, ebp
        cmp dword [PARAMETERS + 12], 1
        je flat
        mov dword [0xfee000f0], 0x1ff
        mov dword [0xfee00300], 0xc4608
flat:   mov dword [0xfee000f0], 0x1ff
        lgdt [GDT_POINTER]
        lidt [IDT_POINTER]
        jmp 8:reload
reload: mov eax, 0x10
        mov ss, ax
        mov eax, 0x2b
        mov ds, ax
        mov es, ax
        mov eax, ebp
        shl eax, 14
        mov esp, STACKS
        sub esp, eax
        mov eax, ebp
        shl eax, 4
        add eax, 0x38
        ltr ax
        mov eax, [PARAMETERS + 4]
        mov cr4, eax
        mov eax, [PARAMETERS]
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, [PARAMETERS + 8]
        wrmsr
        mov eax, 0x80010031     ; CR0.PG, WP, NE, ET, PE
        mov cr0, eax
        jmp $code:loop
        bits $bits
loop:   test ebp, ebp               ; the first processor interrupts no other before that one is here
        jne arrived
        cmp dword [PARAMETERS + 12], 1
        je ready
absent: pause
        cmp dword [MAILBOX + 32], 0
        je absent
        jmp ready
arrived:   mov dword [MAILBOX + 32], 1
ready:  mov esi, STEPS - 32
        mov edi, LOG - 16
        jmp next

; ---- the list ---------------------------------------------------------------------------------------------------------

done:   mov eax, esi
        sub eax, STEPS
        shr eax, 5
        inc eax
        mov [TURN], eax
next:   add esi, 32
        add edi, 16
        mov eax, [$si]
        mov edx, eax
        and eax, 0xffff
        je do_end
        shr edx, 16
        cmp edx, ebp
        jne next
        mov edx, esi
        sub edx, STEPS
        shr edx, 5
do_wait:   cmp [TURN], edx
        je mine
        sti                     ; another processor may ask for something
        pause
        cli
        jmp do_wait
mine:   mov $bx, [$si + 8]
        mov $dx, [$si + 16]
        mov $cx, [$si + 24]
        jmp [operations + $ax * $bytes]

do_end:    cmp ebp, 0
        jne stop
        mov edx, esi
        sub edx, STEPS
        shr edx, 5
last:   cmp [TURN], edx
        je over
        sti
        pause
        cli
        jmp last
over:   mov edx, 0xf4
        xor eax, eax
        out dx, eax
stop:   sti
        hlt
        jmp stop
