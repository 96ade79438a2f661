; L1 on Intel's processors.

virtualize: mov ecx, 0x3a
        rdmsr
        test al, 1
        jnz .locked
        or eax, 5
        wrmsr
.locked: mov ecx, 0x480
        rdmsr
        mov [VMXON], eax
        mov [CONTROL0], eax
        mov [CONTROL1], eax
        mov [SPARE], eax
        vmxon [p_vmxon]
        jbe fatal
        mov ebp, 1
.guest: vmclear [pointers + rbp * 8]
        jbe fatal
        vmptrld [pointers + rbp * 8]
        jbe fatal
        mov esi, ebp
        shl esi, 12
        add esi, FIELDS
.field: mov rcx, [rsi]
        cmp ecx, -1
        je .made
        mov rax, [rsi + 8]
        vmwrite rcx, rax
        jbe fatal
        add esi, 16
        jmp .field
.made:  dec ebp
        jns .guest
        jmp next
fatal:  mov edx, 0xf4
        mov eax, 1
        out dx, eax
        hlt

; Enters guest EDX.
enter:  mov ebp, edx
        call current
        mov ecx, 0x681e
        mov eax, L2_NEXT
        vmwrite rcx, rax
        mov ecx, 0x681c
        mov eax, ebp
        shl eax, 14
        neg eax
        add eax, STACKS
        vmwrite rcx, rax
        mov ecx, 0x6820
        mov eax, [ENTRY_FLAGS]
        vmwrite rcx, rax
        mov dword [ENTRY_FLAGS], 2
        mov ecx, 0x4824         ; interruptibility
        mov eax, [ENTRY_SHADOW]
        vmwrite rcx, rax
        xor eax, eax
        mov [ENTRY_SHADOW], eax
        mov ecx, 0x4826         ; activity
        mov edx, [ENTRY_ACTIVITY]
        mov [ENTRY_ACTIVITY], eax
        vmwrite rcx, rdx
        mov ecx, 0x4818
        vmread rax, rcx
        test al, 0x60
        jz run
        mov esi, FIELDS + 0x800 ; the guest was at CPL 3
.segment: mov rcx, [rsi]
        cmp ecx, -1
        je run
        mov rax, [rsi + 8]
        vmwrite rcx, rax
        add esi, 16
        jmp .segment
run:    call registers
        cmp byte [LAUNCHED + rbp], 0
        jne .resume
        vmlaunch
        jmp failed
.resume: vmresume
failed: pushfq
        call place
        pop rax
        and eax, 0x8d5
        bts rax, 63
        mov [rdi], rax
        mov ecx, 0x4400
        xor eax, eax
        vmread rax, rcx
        mov [rdi + 8], rax
        add edi, 16
        jmp recorded

; The VMCS of guest EBP becomes current.
current: cmp [CURRENT], ebp
        je .is
        mov [CURRENT], ebp
        vmptrld [pointers + rbp * 8]
.is:    ret

left:   call keep
        mov ecx, 0x4402
        vmread rax, rcx
        test eax, eax
        js .refused
        mov ebp, [CURRENT]
        mov byte [LAUNCHED + rbp], 1
.refused: call place
        mov esi, EXIT_FIELDS
.next:  mov ecx, [rsi]
        cmp ecx, -1
        je recorded
        vmread rax, rcx
        mov [rdi], rax
        add esi, 4
        add edi, 8
        jmp .next
recorded: call own
        mov esi, extra_fields
.extra: mov ecx, [rsi]
        cmp ecx, -1
        je .all
        vmread rax, rcx
        mov [rdx + 56], rax
        add esi, 4
        add rdx, 8
        jmp .extra
.all:   cmp byte [PROBING], 0
        je consumed
        mov byte [PROBING], 0
        mov esi, DUMP_FIELDS    ; all fields as they were before
        mov edi, SAVED
.restore: mov ecx, [rsi]
        cmp ecx, -1
        je done
        mov rax, [rdi]
        vmwrite rcx, rax
        add esi, 4
        add edi, 8
        jmp .restore

; ---- operations -----------------------------------------------------------------------------------------------------------

; Flags that tell success and failure, and the error's number.
vmx_result: pushfq
        pop rax
        and eax, 0x41
        cmp eax, 0x40
        jne log
        mov ecx, 0x4400
        vmread rdx, rcx
        shl edx, 8
        or eax, edx
        jmp log

l1_write: vmwrite rbx, rdx
        jmp vmx_result
l1_read: xor eax, eax
        vmread rax, rbx
        jmp log
l1_flip_field: xor eax, eax
        vmread rax, rbx
        xor rax, rdx
        vmwrite rbx, rax
        jmp vmx_result
l1_current: mov ebp, ebx
        call current
        jmp done
l1_dump: mov esi, DUMP_FIELDS
        mov edi, DUMP
.next:  mov ecx, [rsi]
        cmp ecx, -1
        je .end
        vmread rax, rcx
        mov [rdi], rax
        add esi, 4
        add edi, 8
        jmp .next
.end:   lea ecx, [edi - DUMP]
        shr ecx, 3
        mov esi, DUMP
        call mix
        mov edi, [TURN]
        shl edi, 4
        add edi, LOG
        mov rax, [SUM]
        jmp log
l1_invept: mov [DESCRIPTOR], rdx
        mov qword [DESCRIPTOR + 8], 0
        invept rbx, [DESCRIPTOR]
        jmp vmx_result
l1_invvpid: mov [DESCRIPTOR], rdx
        mov [DESCRIPTOR + 8], rcx
        invvpid rbx, [DESCRIPTOR]
        jmp vmx_result
l1_vmclear: vmclear [pointers + rbx * 8]
        mov byte [LAUNCHED + rbx], 0
        cmp [CURRENT], ebx
        jne vmx_result
        mov dword [CURRENT], -1
        jmp vmx_result
l1_vmptrld: mov [DESCRIPTOR], rbx       ; of an address that may be wrong
        vmptrld [DESCRIPTOR]
        pushfq
        pop rax
        push rax
        mov dword [CURRENT], -1
        popfq
        jmp vmx_result
l1_vmptrst: vmptrst [DESCRIPTOR]
        mov rax, [DESCRIPTOR]
        jmp log
l1_launch: vmlaunch                     ; as b says; the wrong one of a VMCS fails
        jmp vmx_result
l1_resume: vmresume
        jmp vmx_result
l1_mutate: mov eax, [MUTATIONS]         ; for the next probe: field a, value b, c 1 if bits are inverted
        inc dword [MUTATIONS]
        shl eax, 5
        mov [MUTATIONS + 32 + rax], rbx
        mov [MUTATIONS + 40 + rax], rdx
        mov [MUTATIONS + 48 + rax], rcx
        jmp done
; Guest a with the mutations, at the instruction "probe" and with gates that lead there.
l1_probe: mov ebp, ebx
        call current
        mov esi, DUMP_FIELDS
        mov edi, SAVED
.save:  mov ecx, [rsi]
        cmp ecx, -1
        je .saved
        vmread rax, rcx
        mov [rdi], rax
        add esi, 4
        add edi, 8
        jmp .save
.saved: mov esi, PROBE_FIELDS
.field: mov rcx, [rsi]
        cmp ecx, -1
        je .mutate
        mov rax, [rsi + 8]
        vmwrite rcx, rax
        add esi, 16
        jmp .field
.mutate: mov esi, MUTATIONS + 32
        mov edi, [MUTATIONS]
        mov dword [MUTATIONS], 0
.change: test edi, edi
        jz .go
        mov rcx, [rsi]
        mov rdx, [rsi + 8]
        cmp dword [rsi + 16], 0
        je .set
        vmread rax, rcx
        xor rdx, rax
.set:   vmwrite rcx, rdx
        add esi, 32
        dec edi
        jmp .change
.go:    mov byte [PROBING], 1
        jmp run

        align 8
; Defined for some exits alone: addresses, error codes, the instruction's length and information.
extra_fields: dd 0x640a, 0x2400, 0x4406, 0x440a, 0x440c, 0x440e, -1
        align 8
pointers: dq CONTROL0, CONTROL1, SPARE
p_vmxon: dq VMXON
operations:
        dq 0, $operations
