; Multiboot header and start in 32-bit protected mode: clears the frames that the blocks took, fills in what they ask for.

        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, l1_stack
        cld
        mov edi, first_frame
        xor eax, eax
        mov ecx, (end_of_frames - first_frame) / 4
        rep stosd
        mov esi, presets
.next:  mov edi, [esi]          ; address; 0 ends the list
        test edi, edi
        jz .done
        mov ecx, [esi + 4]      ; how many
        mov ebx, [esi + 8]      ; bytes of each
        mov eax, [esi + 16]     ; value
        mov edx, [esi + 20]
.store: mov [edi], eax
        cmp ebx, 8
        jne .narrow
        mov [edi + 4], edx
.narrow: add edi, ebx
        add eax, [esi + 24]     ; step
        adc edx, [esi + 28]
        dec ecx
        jnz .store
        add esi, 32
        jmp .next
.done:  lgdt [gdt_pointer]
        jmp 8:.flat
.flat:  mov eax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
