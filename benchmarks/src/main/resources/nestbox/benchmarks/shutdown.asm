
shutdown:
    mov edx, 0x8900
    mov esi, letters
letter:
    mov al, [rsi]
    out dx, al
    inc rsi
    jmp letter
letters:
    dd 0x74756853, 0x6e776f64
