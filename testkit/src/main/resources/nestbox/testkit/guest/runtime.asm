; What every guest has, in 32-bit and in 64-bit code: "@" is the first letter of registers as wide as an address.

; Prints AL.
putc:   push @dx
        mov edx, 0x3f8
        out dx, al
        pop @dx
        ret

; Prints AL and ends the run.
tell:   call putc

; Ends the run well: debug exit 0.
finish: xor eax, eax

; Ends the run with the debug exit in EAX.
quit:   out 0xf4, eax
        hlt
        jmp quit

; Prints the text at ESI, up to a zero byte.
print:  lodsb
        test al, al
        jz .end
        call putc
        jmp print
.end:   ret

; Prints the number in EAX or RAX in hexadecimal.
hex:    push @bx
        push @cx
        push @dx
        mov @bx, @ax
        mov ecx, ADDRESS_BITS
.lead:  sub ecx, 4              ; leading zeros are left out, but for the last digit
        jz .digit
        mov @ax, @bx
        shr @ax, cl
        and eax, 15
        jz .lead
.digit: mov @ax, @bx
        shr @ax, cl
        and eax, 15
        cmp al, 10
        jb .decimal
        add al, 'a' - '0' - 10
.decimal: add al, '0'
        call putc
        sub ecx, 4
        jns .digit
        pop @dx
        pop @cx
        pop @bx
        ret

; Shows the test what is read at ESI or RSI: address and number, 32 bits at a time, go to the ports 5E0h to 5ECh.
see:    push @ax
        push @dx
        mov @ax, @si
        mov edx, 0x5e0
        out dx, eax
        shr @ax, 16
        shr @ax, 16
        mov edx, 0x5e4
        out dx, eax
        mov @ax, [@si]
        mov edx, 0x5e8
        out dx, eax
        shr @ax, 16
        shr @ax, 16
        mov edx, 0x5ec
        out dx, eax
        pop @dx
        pop @ax
        ret

; Sets up the IDT: every exception is reported and ends the run with 40h + its vector.
idt_fill: mov edi, idt
        mov edx, exception_stubs
        xor ecx, ecx
.gate:  mov [edi], dx
        mov word [edi + 2], cs
        mov word [edi + 4], 0x8e00
        mov eax, edx
        shr eax, 16
        mov [edi + 6], ax
        add edi, GATE_BYTES
        add edx, 5
        inc ecx
        cmp ecx, 32
        jne .gate
        lidt [idt_pointer]
        ret

exception_stubs: times 32 call near exception
exception: pop @ax
        sub eax, exception_stubs + 5
        mov ecx, 5
        xor edx, edx
        div ecx
        mov ebx, eax            ; vector
        xor ecx, ecx
        mov edx, 0x60227d00     ; vectors with an error code: 8, 10 to 14, 17, 21, 29, 30
        bt edx, ebx
        jnc .none
        pop @cx
.none:  pop @dx
        mov esi, exception_words
        call print
        mov eax, ebx
        call hex
        mov esi, error_words
        call print
        mov eax, ecx
        call hex
        mov esi, at_words
        call print
        mov @ax, @dx
        call hex
        mov al, 10
        call putc
        lea eax, [ebx + 0x40]
        jmp quit

exception_words: db "exception ", 0
error_words: db " error ", 0
at_words: db " at ", 0
