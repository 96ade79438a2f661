; A hypervisor of 32-bit code. "operate" enters VMX operation with the region VMXON, pvmxon points to it, and leaves the revision in EAX and
; VMXON's flags. "fields" writes to the current VMCS: the pairs of the table "constant" (field, value), the triples of "controls" (field,
; capability MSR whose must-be-one bits are set, bits wanted), each up to -1, and CR0 and CR4 for both sides.
operate:
        mov ecx, 0x3a           ; IA32_FEATURE_CONTROL: lock, VMXON
        rdmsr
        test al, 1
        jnz locked
        or eax, 5
        wrmsr
locked: mov ecx, 0x480          ; IA32_VMX_BASIC: the revision identifier
        rdmsr
        mov [VMXON], eax
        vmxon [pvmxon]
        ret

fields: mov esi, constant
next:   lodsd
        cmp eax, -1
        je registers
        mov edx, eax
        lodsd
        vmwrite edx, eax
        jmp next
registers:
        mov esi, controls
more:   lodsd
        cmp eax, -1
        je rest
        mov edi, eax
        lodsd
        mov ecx, eax
        lodsd
        mov ebp, eax
        rdmsr
        or eax, ebp
        vmwrite edi, eax
        jmp more
rest:   mov edx, cr0
        mov eax, 0x6800
        vmwrite eax, edx
        mov eax, 0x6c00
        vmwrite eax, edx
        mov edx, cr4
        mov eax, 0x6804
        vmwrite eax, edx
        mov eax, 0x6c04
        vmwrite eax, edx
        ret
