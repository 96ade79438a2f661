; The guest of the differential runs: each processor walks one list of steps (Step.java) and carries out those that are its own.
; A turn counter in memory keeps the steps of several processors in order. In ESI the step, in EDI its entry of the log, in EBP
; the processor's number. Java replaces words that begin with a dollar sign: $ax is EAX or RAX, $word is dd or dq.

        org 0x100000
        bits 32

header: dd 0x1badb002, 0x10000, 0xe4514ffe
        dd 0x100000, 0x100000, 0, 0, start
        jmp flat                ; at 100020h: other processors, in protected mode, with their number in EBP
        align 64
vectors:                        ; at 100040h
        dd fault0, fault1, fault2, fault3, fault4, fault5, fault6, fault7, fault8, fault9, fault10, fault11, fault12, fault13
        dd fault14, fault15, fault16, fault17, fault18, fault19, fault20, fault21
        dd back, interrupt, user

start:  xor ebp, ebp
        cmp dword [PARAMETERS + 12], 1
        je flat
        mov dword [0xfee000f0], 0x1ff
        mov dword [0xfee00300], 0xc4608
flat:   lgdt [GDT_POINTER]
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
loop:   mov esi, STEPS - 32
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
        pause
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
        pause
        jmp last
over:   mov edx, 0xf4
        xor eax, eax
        out dx, eax
stop:   cli
        hlt
        jmp stop

; ---- the steps --------------------------------------------------------------------------------------------------------

do_load1:  movzx eax, byte [$bx]
        jmp log
do_load2:  movzx eax, word [$bx]
        jmp log
do_load4:  mov eax, [$bx]
        jmp log
do_load8:  mov $ax, [$bx]
        jmp log
do_store1: mov [$bx], dl
        jmp done
do_store2: mov [$bx], dx
        jmp done
do_store4: mov [$bx], edx
        jmp done
do_store8: mov [$bx], $dx
        jmp done
do_call:   call $bx
log:    mov [$di], $ax
        jmp done
do_xadd:   lock xadd [$bx], edx
        mov eax, edx
        jmp log
do_copy:   mov edx, esi            ; ECX bytes from EBX to the scratch page
        push $di
        mov $si, $bx
        mov edi, SCRATCH
        rep movsb
        pop $di
        mov esi, edx
        mov eax, [SCRATCH]
        jmp log

do_or:     lock or [$bx], edx
        jmp done
do_and:    lock and [$bx], edx
        jmp done

do_uload:  mov $ax, user_load - user + USER
        jmp user_mode
do_ustore: mov $ax, user_store - user + USER
        jmp user_mode
do_ucall:  mov $ax, user_call - user + USER
user_mode:
        push 0x2b
        push USER_STACK
        push 2
        push $user
        push $ax
        $iret
back:   mov ecx, ebp
        shl ecx, 14
        mov esp, STACKS
        sub esp, ecx
        jmp log

do_invlpg: invlpg [$bx]
        jmp done
do_invpcid:
        invpcid $cx, [$si + 8]
        jmp done
do_cr3:    mov cr3, $bx
        jmp done
do_cr0:    mov $ax, cr0
        xor $ax, $bx
        mov cr0, $ax
        jmp done
do_cr4:    mov $ax, cr4
        xor $ax, $bx
        mov cr4, $ax
        jmp done
do_efer:   mov ecx, 0xc0000080
        rdmsr
        xor eax, ebx
        wrmsr
        jmp done
do_pci:    push $dx
        mov dx, 0xcf8
        mov eax, ebx
        and eax, 0xfffffffc
        out dx, eax
        mov dx, 0xcfc
        and bl, 3
        add dl, bl
        pop $ax
        out dx, al
        jmp done
do_ipi:    mov eax, ebp            ; to the processor itself, in xAPIC mode
        mov dword [APIC + 0xf0], 0x1ff
        mov dword [APIC + 0x300], 0x44090
        sti
        nop
        cli
        jmp done
interrupt:
        mov dword [APIC + 0xb0], 0
        mov dword [$di + 8], 0x90
        $iret

; ---- exceptions -------------------------------------------------------------------------------------------------------

$faults
report: mov ecx, ebp            ; EAX is the vector and the error code; CR2 counts with #PF alone
        shl ecx, 14
        mov esp, STACKS
        sub esp, ecx
        mov esi, [TURN]         ; REP MOVSB may have moved both
        mov edi, esi
        shl esi, 5
        add esi, STEPS
        shl edi, 4
        add edi, LOG
        or eax, 0x80000000
        mov [$di], eax
        and eax, 0x7fff0000
        cmp eax, 0xe0000
        jne done
        mov $cx, cr2
        mov [$di + 8], $cx
        jmp done

        align 8
operations:
        $word 0, do_load1, do_load2, do_load4, do_load8, do_store1, do_store2, do_store4, do_store8, do_call, do_xadd, do_copy, do_or, do_and
        $word do_uload, do_ustore, do_ucall, do_invlpg, do_invpcid, do_cr3, do_cr0, do_cr4, do_efer, do_pci, do_ipi

user:                           ; copied to USER
user_load:
        mov eax, [$bx]
        int 0x80
user_store:
        mov [$bx], edx
        int 0x80
user_call:
        call $bx
        int 0x80
user_end:
