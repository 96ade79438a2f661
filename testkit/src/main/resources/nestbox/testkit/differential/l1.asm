; L1 of the nested differential runs: goes through the list of steps, carries out its own, and enters the guest whose step comes. An exit
; is recorded: fields, registers, L1's own state. If the guest's step was not done, the exit was what it did. What depends on the vendor
; follows: virtualize, enter, record, and operations.

        org L1
        bits 32
header: dd 0x1badb002, 0x10000, 0xe4514ffe
        dd header, header, 0, 0, start

start:  lgdt [L1_GDT_POINTER]
        mov eax, L1_CR4
        mov cr4, eax
        mov eax, L1_ROOT
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, L1_EFER
        wrmsr
        mov eax, 0x80010031
        mov cr0, eax
        jmp 0x18:long
        bits 64
long:   mov eax, 0x10
        mov ss, ax
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov esp, L1_STACK
        mov eax, 0x38
        ltr ax
        lidt [L1_IDT_POINTER]
        mov eax, APIC
        mov dword [rax + 0xf0], 0x1ff
        mov al, 0xff            ; no interrupt of a timer: time is not compared
        out 0x21, al
        jmp virtualize

done:   inc dword [TURN]
next:   mov esi, [TURN]
        mov edi, esi
        shl esi, 5
        add esi, STEPS
        shl edi, 4
        add edi, LOG
        movzx eax, word [rsi]
        test eax, eax
        jz over
        movzx edx, word [rsi + 2]
        cmp edx, 2
        jb enter
        mov rbx, [rsi + 8]
        mov rdx, [rsi + 16]
        mov rcx, [rsi + 24]
        jmp [operations + rax * 8]
log:    mov [rdi], rax
        jmp done

over:   mov edx, 0xf4
        xor eax, eax
        out dx, eax
        cli
        hlt

; Patterns for the registers of a guest; EBP is its number.
registers: mov eax, 0x11111111
        mov rbx, 0x2222222244444444
        lea ecx, [ebp + 0x3333]
        mov edx, 0x55555555
        mov edi, [TURN]
        mov esi, edi
        shl edi, 4
        add edi, LOG
        mov r8d, 0x88888888
        mov r9, 0x9999999900000009
        mov r10d, 10
        mov r11d, 11
        mov r12d, 12
        mov r13d, 13
        mov r14, -14
        mov r15d, 15
        ret

; A guest's registers, which L1 finds at an exit, into memory and the running sum.
keep:   mov [REGS], rax
        mov [REGS + 8], rcx
        mov [REGS + 16], rdx
        mov [REGS + 24], rbx
        mov [REGS + 32], rbp
        mov [REGS + 40], rsi
        mov [REGS + 48], rdi
        mov [REGS + 56], r8
        mov [REGS + 64], r9
        mov [REGS + 72], r10
        mov [REGS + 80], r11
        mov [REGS + 88], r12
        mov [REGS + 96], r13
        mov [REGS + 104], r14
        mov [REGS + 112], r15
        mov esi, REGS
        mov ecx, 15

; Adds ECX numbers at RSI to the running sum.
mix:    mov rax, [SUM]
.next:  imul rax, rax, 0x1000193
        xor rax, [rsi]
        add rsi, 8
        dec ecx
        jnz .next
        mov [SUM], rax
        ret

; RDI: the exit's record. An exit that is no step's own, but hands over to who has the next, is recorded apart.
place:  mov edi, [TURN]
        mov eax, edi
        shl eax, 5
        movzx eax, word [rax + STEPS + 2]
        shl edi, 8
        add edi, RECORDS
        cmp eax, [CURRENT]
        je .own
        cmp byte [PROBING], 0
        jne .own
        add edi, HANDOVERS - RECORDS
.own:   ret

; L1's own state at RDI, behind what the vendor's part has put there since "place".
own:    mov rax, cr0
        mov [rdi], rax
        mov rax, cr2
        mov [rdi + 8], rax
        mov rax, cr3
        mov [rdi + 16], rax
        mov rax, cr4
        mov [rdi + 24], rax
        mov rax, dr7
        mov [rdi + 32], rax
        pushfq
        pop rax
        mov [rdi + 40], rax
        mov rdx, rdi
        call place
        mov rsi, rdi
        lea rcx, [rdx + 48]
        sub rcx, rdi
        shr ecx, 3
        push rdx
        call mix
        pop rdx
        mov rax, [SUM]
        mov [rdx + 48], rax
        ret

; After an exit or a failure: the guest's step is over.
consumed: mov esi, [TURN]
        shl esi, 5
        add esi, STEPS
        movzx eax, word [rsi]
        test eax, eax
        jz next
        movzx edx, word [rsi + 2]
        cmp edx, [CURRENT]
        je done
        jmp next

; ---- operations ---------------------------------------------------------------------------------------------------------

l1_store8: mov [rbx], rdx
        jmp done
l1_store4: mov [rbx], edx
        jmp done
l1_store1: mov [rbx], dl
        jmp done
l1_load8: mov rax, [rbx]
        jmp log
l1_flip: xor [rbx], rdx
        jmp done
l1_ipi: mov eax, APIC                   ; an interrupt to itself: the low half of the command
        mov [rax + 0x300], ebx
        jmp done
l1_window: sti                  ; takes interrupts that wait
        nop
        cli
        jmp done
l1_entry: mov [ENTRY_FLAGS], ebx        ; RFLAGS, interruptibility, activity of the next entry
        mov [ENTRY_SHADOW], edx
        mov [ENTRY_ACTIVITY], ecx
        jmp done
l1_invlpg: invlpg [rbx]
        jmp done
l1_cr3: mov rax, cr3
        mov cr3, rax
        jmp done
l1_rdmsr: mov ecx, ebx
        rdmsr
        shl rdx, 32
        or rax, rdx
        jmp log
l1_wrmsr: mov ecx, ebx
        mov eax, edx
        shr rdx, 32
        wrmsr
        jmp done
l1_host: mov edi, SAVED                 ; what an exit loads beside control registers
        mov esi, host_msrs
.next:  mov ecx, [rsi]
        test ecx, ecx
        jz .tables
        rdmsr
        mov [rdi], eax
        mov [rdi + 4], edx
        add esi, 4
        add edi, 8
        jmp .next
.tables: xor eax, eax
        mov [rdi], rax
        mov [rdi + 8], rax
        mov [rdi + 16], rax
        mov [rdi + 24], rax
        mov [rdi + 32], rax
        sgdt [rdi]
        sidt [rdi + 16]
        str ax
        mov [rdi + 28], ax
        sldt ax
        mov [rdi + 30], ax
        mov [rdi + 32], cs
        mov [rdi + 34], ss
        mov [rdi + 36], fs
        mov [rdi + 38], gs
        lea ecx, [edi + 40 - SAVED]
        shr ecx, 3
        mov esi, SAVED
        call mix
        mov esi, [TURN]
        shl esi, 4
        mov rax, [SUM]
        mov [rsi + LOG], rax
        jmp done
        align 4
host_msrs: dd 0xc0000080, 0x174, 0x175, 0x176, 0x277, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000081, 0xc0000082, 0

; ---- exceptions and interrupts of L1 ---------------------------------------------------------------------------------------

$faults
fault:  mov esp, L1_STACK               ; EAX: vector and error code
        mov edi, [TURN]
        shl edi, 4
        add edi, LOG
        bts rax, 63
        mov [rdi], rax
        mov rax, cr2
        mov [rdi + 8], rax
        jmp done
interrupt: push rax                     ; of any vector from 90h on
        mov rax, [SUM]
        imul rax, rax, 0x1000193
        xor rax, 0x90
        mov [SUM], rax
        mov eax, APIC
        mov dword [rax + 0xb0], 0
        pop rax
        iretq
nmi:    add qword [SUM], 0x123457
        iretq

