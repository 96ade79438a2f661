
; ---- steps of L2 alone (L2Op.java) ------------------------------------------------------------------------------------

        bits $bits
do_nop: xor eax, eax
        jmp log
do_call1: $hypercall
        jmp log
do_cpuid: mov eax, ebx
        mov ecx, edx
        cpuid
        lea eax, [eax + ebx]
        lea eax, [eax + ecx * 2]
        lea eax, [eax + edx * 4]
        jmp log
do_in:  xchg edx, ebx           ; of the port a, b bytes
        cmp bl, 2
        jb .byte
        je .word
        in eax, dx
        jmp log
.word:  xor eax, eax
        in ax, dx
        jmp log
.byte:  xor eax, eax
        in al, dx
        jmp log
do_out: mov eax, edx
        mov edx, ebx
        out dx, al
        jmp done
do_rdmsr: mov ecx, ebx
        rdmsr
        imul edx, edx, 3
        xor eax, edx
        jmp log
do_wrmsr: mov eax, edx
        mov edx, ecx
        mov ecx, ebx
        wrmsr
        jmp done
do_int3: int3
        jmp done
do_ud2: ud2
do_int: int 0x91
        jmp done
do_db:  db 0xf1                 ; INT1
        jmp done
do_hlt: hlt
        jmp done
; An entry may have let interrupts in: one before HLT would not end it.
do_ipi_hlt: cli
        mov eax, APIC
        mov dword [$ax + 0xf0], 0x1ff
        mov dword [$ax + 0x300], 0x44090
        sti
        hlt
        cli
        jmp done
do_nmi: mov eax, APIC
        mov dword [$ax + 0x300], 0x44400
        nop
        jmp done
do_pause: pause
        jmp done
do_dr:  mov $ax, $bx
        mov dr0, $ax
        mov $ax, dr7
        add $ax, $bx
        mov $bx, dr0
        sub $ax, $bx
        jmp log
do_sgdt: sgdt [SCRATCH]
        movzx eax, word [SCRATCH]
        jmp log
do_lidt: lidt [IDT_POINTER]
        jmp done
do_smsw: smsw eax
        jmp log
do_clts: clts
        jmp done
do_lmsw: mov eax, ebx
        lmsw ax
        jmp done
do_wbinvd: wbinvd
        jmp done
do_xsetbv: xor ecx, ecx
        xor edx, edx
        mov eax, ebx
        xsetbv
        jmp done
do_readcr: mov $ax, cr0
        imul $ax, $ax, 3
        mov $dx, cr3
        xor $ax, $dx
        imul $ax, $ax, 5
        mov $dx, cr4
        xor $ax, $dx
        jmp log
do_outs: mov edx, ebx           ; three bytes of the scratch page to the port a
        mov ecx, 3
        push $si
        mov esi, SCRATCH
        rep outsb
        pop $si
        jmp done
do_virtual: db 0x0f, 0x01, 0xc4 ; VMXOFF; on AMD's processors #UD
        jmp done
do_svm: mov $ax, $bx
        db 0x0f, 0x01, 0xda     ; VMLOAD; on Intel's processors #UD
        jmp done
do_rdtsc: rdtsc                 ; only where L1 takes it
        jmp done
do_rdpmc: mov ecx, ebx
        rdpmc
        jmp done
do_mwait: mov eax, SCRATCH
        xor ecx, ecx
        xor edx, edx
        monitor
        jmp done
do_tf:  $pushf                  ; a single step
        or dword [$sp], 0x100
        $popf
        nop
        jmp done
int91:  mov dword [$di + 8], 0x91
        $iret
nmi:    or dword [$di + 8], 0x10000
        $iret
