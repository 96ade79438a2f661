; VMX for an L1: into VMX operation, fields from tables, a report for what fails.

vmx_on: mov ecx, 0x3a           ; IA32_FEATURE_CONTROL: lock, VMXON outside SMX
        rdmsr
        test al, 1
        jnz .locked
        or eax, 5
        wrmsr
.locked: mov ecx, 0x480         ; IA32_VMX_BASIC: the revision identifier
        rdmsr
        mov [vmx_region], eax
        vmxon [vmx_pointer]
        jbe vmx_failed
        ret

; Makes the VMCS at [EDI] clear and current.
vmx_current: push @di
        mov @di, [@di]
        mov ecx, 0x480
        rdmsr
        mov [@di], eax
        pop @di
        vmclear [@di]
        jbe vmx_failed
        vmptrld [@di]
        jbe vmx_failed
        ret

; Writes the fields of the table at ESI: field, value; a field of -1 ends it.
vmx_fields: mov edx, [@si]
        cmp edx, -1
        je .end
        mov @ax, [@si + ADDRESS_BITS / 8]
        vmwrite @dx, @ax
        jbe vmx_failed
        add @si, ADDRESS_BITS / 4
        jmp vmx_fields
.end:   ret

; Writes the controls of the table at ESI: field, true capability MSR, capability MSR, bits wanted; a field of -1 ends it.
vmx_controls: mov ecx, 0x480
        rdmsr
        shr edx, 23             ; bit 55: there are true capability MSRs
        and edx, 1
        mov ebp, edx
.next:  mov edi, [@si]
        cmp edi, -1
        je .end
        mov ecx, [@si + 4]
        test ebp, ebp
        jnz .true
        mov ecx, [@si + 8]
.true:  rdmsr
        or eax, [@si + 12]
        vmwrite @di, @ax
        jbe vmx_failed
        add @si, 16
        jmp .next
.end:   ret

; Copies control registers into guest and host state.
vmx_registers: mov @dx, cr0
        mov eax, 0x6800
        vmwrite @ax, @dx
        mov eax, 0x6c00
        vmwrite @ax, @dx
        mov @dx, cr3
        mov eax, 0x6802
        vmwrite @ax, @dx
        mov eax, 0x6c02
        vmwrite @ax, @dx
        mov @dx, cr4
        mov eax, 0x6804
        vmwrite @ax, @dx
        mov eax, 0x6c04
        vmwrite @ax, @dx
        ret

; A VMX instruction failed: prints "VMfail" and, if there is a current VMCS, the error's number in hexadecimal.
vmx_failed: jc .invalid
        mov esi, vmfail_words
        call print
        mov eax, 0x4400
        vmread @cx, @ax
        mov @ax, @cx
        call hex
        jmp .ends
.invalid: mov esi, vmfail_invalid_words
        call print
.ends:  mov al, 10
        call putc
        mov eax, 0x31
        jmp quit

; The exit handler of a VMCS that names none: prints reason and qualification and ends the run.
vmx_exit: mov esi, exit_words
        call print
        mov eax, 0x4402
        vmread @cx, @ax
        mov @ax, @cx
        call hex
        mov al, ' '
        call putc
        mov eax, 0x6400
        vmread @cx, @ax
        mov @ax, @cx
        call hex
        mov al, 10
        call putc
        jmp finish

vmfail_words: db "VMfail ", 0
vmfail_invalid_words: db "VMfailInvalid", 0
exit_words: db "exit ", 0
        align 8
vmx_pointer: dq vmx_region
