; What the steps of the differential runs do (Op.java), for a single guest and for one under a hypervisor. A head comes before it, which
; goes to the operation of a step and on at "done", with the step in ESI, its entry of the log in EDI, and the processor's number in EBP.

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

do_string_out: mov ecx, esi        ; through the test device's port
        mov $si, $bx
        mov edx, 0xe0
        outsd
        mov esi, ecx
        in eax, dx
        jmp log
do_string_in:  mov ecx, edi
        mov eax, edx
        mov $di, $bx
        mov edx, 0xe0
        out dx, eax
        insd
        mov edi, ecx
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
do_ipi:    mov eax, APIC              ; to the processor itself, in xAPIC mode; [APIC] would be sign-extended
        mov dword [$ax + 0xf0], 0x1ff
        mov dword [$ax + 0x300], 0x44090
        sti
        nop
        cli
        jmp done
interrupt:
        push $ax
        mov eax, APIC
        mov dword [$ax + 0xb0], 0
        pop $ax
        mov dword [$di + 8], 0x90
        $iret
do_cmpxchg:
        mov eax, ecx
        lock cmpxchg [$bx], edx
        jmp log
do_aload:  stac
        mov eax, [$bx]
        clac
        jmp log
do_wrpkru: mov eax, ebx
        xor ecx, ecx
        xor edx, edx
        wrpkru
        jmp done

do_timer:  mov dword [MAILBOX + 16], 0     ; EBX instructions; EDX: halted meanwhile
        mov eax, APIC
        mov dword [$ax + 0x3e0], 0xb
        mov dword [$ax + 0x320], 0x92
        mov [$ax + 0x380], ebx
        test edx, edx
        jne halted
spins:  sti
        nop
        cli
        cmp dword [MAILBOX + 16], 0
        je spins
        jmp flagged
halted: cmp dword [MAILBOX + 16], 0
        jne flagged
        sti
        hlt
        cli
        jmp halted
do_signal:    mov dword [MAILBOX + 16], 0     ; to the processor EBX
        shl ebx, 24
        mov eax, APIC
        mov [$ax + 0x310], ebx
        mov dword [$ax + 0x300], 0x4400
awaits: pause
        cmp dword [MAILBOX + 16], 0
        je awaits
flagged:   mov eax, [MAILBOX + 16]
        jmp log
signal: mov dword [MAILBOX + 16], 2
        $iret
timer:  push $ax
        mov dword [MAILBOX + 16], 1
        jmp handled

do_shoot:  mov [MAILBOX], $bx         ; the processor ECX invalidates: 0 the address EBX, 1 everything, 2 its space
        mov [MAILBOX + 8], edx
        mov dword [MAILBOX + 16], 0
        shl ecx, 24
        mov eax, APIC
        mov [$ax + 0x310], ecx
        mov dword [$ax + 0x300], 0x4091
        jmp awaits
shot:   push $ax
        mov eax, [MAILBOX + 8]
        cmp eax, 1
        je shot_all
        ja shot_space
        mov $ax, [MAILBOX]
        invlpg [$ax]
        jmp shot_done
shot_all:  mov $ax, cr4
        xor $ax, 0x80
        mov cr4, $ax
        xor $ax, 0x80
        mov cr4, $ax
        jmp shot_done
shot_space:
        mov $ax, cr3
        mov cr3, $ax
shot_done: mov dword [MAILBOX + 16], 3
handled:   mov eax, APIC
        mov dword [$ax + 0xb0], 0
        pop $ax
        $iret

do_mode:   $leave                     ; paging off; CR4 inverted by EDX, CR3 := EBX; paging on
        mov dword [MAILBOX + 24], 0
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        test cl, 2
        je mode_lme
        mov eax, ecx
        mov ecx, 0xc0000080
        push eax
        push edx
        rdmsr
        and eax, 0xfffffeff
        wrmsr
        or eax, 0x100
        wrmsr
        pop edx
        pop ecx
mode_lme:  test cl, 1
        je mode_on
        jmp 0x80:REAL                 ; RealMode.java's
mode_real: mov eax, 0x10
        mov ss, ax
        mov eax, 0x2b
        mov ds, ax
        mov es, ax
mode_on:   mov eax, cr4
        xor eax, edx
        mov cr4, eax
        mov cr3, ebx
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp $code:mode_end
        bits $bits
mode_end:  mov esi, esi
        mov edi, edi
        mov ebp, ebp
        mov ecx, ebp
        shl ecx, 14
        mov esp, STACKS
        sub esp, ecx
        mov eax, [MAILBOX + 24]
        jmp log

; ---- exceptions -------------------------------------------------------------------------------------------------------

$faults
report: mov ecx, ebp            ; EAX is the vector and the error code; CR2 counts with #PF alone
        shl ecx, 14
        mov esp, STACKS
        sub esp, ecx
        push 2
        $popf                   ; EFLAGS.AC may be set
        mov esi, [TURN]         ; string instructions may have moved both
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
        $word do_uload, do_ustore, do_ucall, do_invlpg, do_invpcid, do_cr3, do_cr0, do_cr4, do_efer, do_pci, do_ipi, do_cmpxchg
        $word do_aload, do_wrpkru, do_timer, do_signal, do_shoot, do_mode, do_string_out, do_string_in
$more

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
