; L1 on AMD's processors. It enters a guest with GIF clear and its own interrupts enabled, and loads and saves by VMLOAD and VMSAVE what
; VMRUN leaves alone, the guest's and its own.

virtualize: mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr
        mov eax, OWN
        vmsave
        jmp next

; Enters guest EDX.
enter:  mov ebp, edx
        mov [CURRENT], ebp
        mov ebx, ebp
        shl ebx, 12
        add ebx, CONTROL0
        mov qword [rbx + 0x578], L2_NEXT
        mov eax, ebp
        shl eax, 14
        neg eax
        add eax, STACKS
        mov [rbx + 0x5d8], rax
        mov eax, [ENTRY_FLAGS]
        mov [rbx + 0x570], rax
        mov dword [ENTRY_FLAGS], 2
        mov eax, [ENTRY_SHADOW]
        mov [rbx + 0x68], rax
        mov dword [ENTRY_SHADOW], 0
        test byte [rbx + 0x4cb], 3
        jz run
        mov esi, ebp            ; the guest was at CPL 3
        shl esi, 12
        add esi, FIELDS
        lea rdi, [rbx + 0x400]
        mov ecx, 8
        rep movsq
        mov byte [rbx + 0x4cb], 0
run:    mov [RUNNING], ebx
        call registers
        mov eax, [RUNNING]
        clgi
        sti
        vmload
        vmrun
        vmsave
        cli
        call keep
        mov eax, OWN
        vmload
        stgi
        mov ebx, [RUNNING]
        test dword [rbx + 0xa8], 0x80000000
        jnz .event
        mov qword [rbx + 0xa8], 0       ; without its valid bit EVENTINJ says nothing
.event: call place
        mov esi, EXIT_FIELDS
.next:  mov ecx, [rsi]
        cmp ecx, -1
        je .page
        mov rax, [rbx + rcx]
        mov [rdi], rax
        add esi, 4
        add edi, 8
        jmp .next
.page:  push rdi
        mov esi, ebx
        mov ecx, 0x700 / 8
        call mix
        pop rdi
        call own
        cmp qword [rbx + 0x70], -1
        je .kept                        ; a VMRUN that failed has flushed nothing
        mov byte [rbx + 0x5c], 0        ; TLB_CONTROL
.kept:
        mov qword [rbx + 0xa8], 0       ; EVENTINJ
        cmp byte [PROBING], 0
        je consumed
        mov byte [PROBING], 0
        jmp done

; ---- operations -----------------------------------------------------------------------------------------------------------

l1_dump: mov esi, CONTROL0
        mov ecx, 0x2000 / 8
        call mix
        mov edi, [TURN]
        shl edi, 4
        add edi, LOG
        mov rax, [SUM]
        jmp log
l1_invlpga: mov rax, rbx
        mov ecx, edx
        invlpga
        jmp done
l1_closed: clgi                 ; an interrupt that waits for GIF
        mov eax, APIC
        mov [rax + 0x300], ebx
        sti
        nop
        mov rax, [SUM]
        push rax
        stgi
        nop
        cli
        pop rax
        sub rax, [SUM]
        jmp log
l1_vmrun: mov rax, rbx          ; of an address that is wrong
        vmrun
        jmp done
l1_vmsave: mov rax, rbx
        vmsave
        jmp done
l1_vmload: mov rax, rbx
        vmload
        mov eax, OWN
        vmload
        jmp done
l1_mutate: mov eax, [MUTATIONS]         ; for the next probe: 4 bytes at offset a, value b, c 1 if bits are inverted
        inc dword [MUTATIONS]
        shl eax, 5
        mov [MUTATIONS + 32 + rax], rbx
        mov [MUTATIONS + 40 + rax], rdx
        mov [MUTATIONS + 48 + rax], rcx
        jmp done
; A copy of guest a's VMCB with the mutations, at the instruction "probe" and with gates that lead there.
l1_probe: mov [CURRENT], ebx
        mov esi, ebx
        shl esi, 12
        add esi, CONTROL0
        mov edi, SPARE
        mov ecx, 512
        rep movsq
        mov ebx, SPARE
        mov esi, PROBE_FIELDS
.field: mov rcx, [rsi]
        cmp ecx, -1
        je .mutate
        mov eax, [rsi + 8]
        mov [rbx + rcx], eax
        add esi, 16
        jmp .field
.mutate: mov esi, MUTATIONS + 32
        mov edi, [MUTATIONS]
        mov dword [MUTATIONS], 0
.change: test edi, edi
        jz .go
        mov rcx, [rsi]
        mov edx, [rsi + 8]
        cmp dword [rsi + 16], 0
        je .set
        xor edx, [rbx + rcx]
.set:   mov [rbx + rcx], edx
        add esi, 32
        dec edi
        jmp .change
.go:    mov byte [PROBING], 1
        mov ebp, [CURRENT]
        jmp run

        align 8
operations:
        dq 0, $operations
