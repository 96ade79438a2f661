; The guest of "nestbox demo": a Multiboot image that enters 64-bit mode, takes timer interrupts and then makes the classic
; mistake of an operating system: it changes a page-table entry and forgets to invalidate the old translation.

        org 0x100000

PML4    equ 0x200000            ; page tables, one page each
PDPT    equ 0x201000
PD_LOW  equ 0x202000            ; the first GiB, identity-mapped in large pages
PD_DEMO equ 0x203000            ; the second GiB: one small page
PT_DEMO equ 0x204000
PD_APIC equ 0x205000            ; the fourth GiB: the local APIC
IDT     equ 0x206000
STACK   equ 0x210000
OLD     equ 0x300000            ; two frames for the page at VICTIM
NEW     equ 0x301000
VICTIM  equ 0x40000000

COM1    equ 0x3f8
APIC    equ 0xfee00000
EOI     equ 0xb0
SPURIOUS equ 0xf0
TIMER   equ 0x320
INITIAL equ 0x380
DIVIDE  equ 0x3e0
VECTOR  equ 0x20
PERIODIC equ 0x20000
PERIOD  equ 100000              ; ticks between timer interrupts

        bits 32

header: dd 0x1badb002           ; Multiboot magic
        dd 0x00010000           ; the address fields below are valid
        dd 0xe4514ffe           ; makes the sum of the three zero
        dd header, header, 0, 0, start

start:  mov esp, STACK
        cld
        mov edi, PML4           ; clear the tables
        xor eax, eax
        mov ecx, (STACK - PML4) / 4
        rep stosd

        mov dword [PML4], PDPT + 3
        mov dword [PDPT], PD_LOW + 3
        mov dword [PDPT + 8], PD_DEMO + 3
        mov dword [PDPT + 24], PD_APIC + 3
        mov dword [PD_LOW], 0x83                 ; 2 MiB: present, writable, large
        mov dword [PD_LOW + 8], 0x200083         ; the tables and the two frames
        mov dword [PD_DEMO], PT_DEMO + 3
        mov dword [PT_DEMO], OLD + 3
        mov dword [PD_APIC + 0xfb8], APIC + 0x9b ; uncached

        mov eax, 0x20           ; CR4.PAE
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080     ; EFER
        rdmsr
        or eax, 0x100           ; EFER.LME
        wrmsr
        mov eax, 0x80000011     ; CR0.PG, ET, PE
        mov cr0, eax
        lgdt [gdtr]
        jmp 8:code64

        align 8
gdt:    dq 0
        dq 0x00209b0000000000   ; 64-bit code
        dq 0x0000930000000000   ; data
gdtr:   dw 23
        dd gdt

        bits 64

code64:   mov eax, 16
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov rsi, greeting
        call print
        mov rax, cr3
        call hex
        call newline

        ; An interrupt gate for the timer
        mov eax, tick
        mov edi, IDT + VECTOR * 16
        mov [rdi], ax
        mov word [rdi + 2], 8
        mov word [rdi + 4], 0x8e00
        shr eax, 16
        mov [rdi + 6], ax
        lidt [idtr]

        mov al, 0xff            ; mask the two 8259s: what the firmware left running is not wanted
        out 0x21, al
        out 0xa1, al

        mov ebx, APIC
        mov dword [rbx + SPURIOUS], 0x1ff
        mov dword [rbx + DIVIDE], 0xb
        mov dword [rbx + TIMER], PERIODIC + VECTOR
        mov dword [rbx + INITIAL], PERIOD
wait3:  sti
        hlt
        cli
        cmp qword [ticks], 3
        jb wait3
        mov dword [rbx + INITIAL], 0
        mov rsi, timer
        call print
        mov rax, [ticks]
        call hex
        call newline

        ; Two frames, two words
        mov eax, 'old'
        mov [OLD], eax
        mov eax, 'new'
        mov [NEW], eax

        mov rsi, first
        call victim
        mov dword [PT_DEMO], NEW + 3
        mov rsi, second
        call victim
        invlpg [VICTIM]
        mov rsi, third
        call victim

        mov eax, 0
        out 0xf4, eax           ; the debug-exit device: exit code 1, success
stop:   hlt
        jmp stop

tick:   push rax
        inc qword [ticks]
        mov eax, APIC
        mov dword [rax + EOI], 0
        pop rax
        iretq

; Prints the string at RSI, and then what the page says.
victim: call print
        mov rsi, VICTIM
        call print
newline:
        mov al, 10
        jmp putc

; Prints the string at RSI up to a zero byte.
print:  lodsb
        test al, al
        jz done
        call putc
        jmp print
done:   ret

; Prints RAX in hexadecimal.
hex:    mov rbp, rax
        mov ecx, 16
digit:  rol rbp, 4
        mov eax, ebp
        and eax, 15
        add al, '0'
        cmp al, '9'
        jbe shown
        add al, 39
shown:  call putc
        loop digit
        ret

; Prints AL when the serial port's transmitter is ready.
putc:   push rdx
        push rax
        mov edx, COM1 + 5
ready:  in al, dx
        test al, 0x20
        jz ready
        pop rax
        mov edx, COM1
        out dx, al
        pop rdx
        ret

idtr:   dw 0xfff
        dq IDT

        align 8
ticks:  dq 0

greeting:  db "In 64-bit mode with paging; CR3 is ", 0
timer:  db "Slept through timer interrupts; count ", 0
first:  db "The page says: ", 0
second: db "Its entry points to another frame now, no INVLPG yet. The page says: ", 0
third:  db "After INVLPG the page says: ", 0
