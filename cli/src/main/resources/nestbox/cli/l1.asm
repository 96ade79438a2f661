; The image of "nestbox demo --nested": L1, a hypervisor of its own in 32-bit protected mode. It runs two L2 guests in turn, each
; with its VMCS, its VPID and its EPT, in which the page at OWN leads to a frame of its own and is mapped only when the guest
; touches it. It works the same on bare silicon and under L0: nothing in it knows which of the two it is.

        org 0x100000

STACK   equ 0x1f0000
L2STACK equ 0x1e0000
TABLE   equ 0x300000            ; page directory, 4-MiB pages
VMXON   equ 0x400000
VMCS    equ 0x401000            ; one page a guest
EPT     equ 0x600000            ; three pages a guest: PML4, PDPT, PD
OWN     equ 0x1800000           ; 2 MiB that each guest has for itself
COM1    equ 0x3f8

        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, STACK
        cld
        lgdt [gdtr]
        mov edi, TABLE          ; linear = physical, in 4-MiB pages
        mov eax, 0x87
fill:   mov [edi], eax
        add eax, 0x400000
        add edi, 4
        cmp edi, TABLE + 0x1000
        jne fill
        mov eax, TABLE
        mov cr3, eax
        mov eax, 0x2010         ; CR4.VMXE, PSE
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000021      ; CR0.PG, NE, PE
        mov cr0, eax

        call operate
        mov [VMCS], eax
        mov [VMCS + 0x1000], eax
        jbe failed

        xor ebx, ebx            ; the guest's number
guest:  call tables
        mov eax, ebx
        shl eax, 12
        add eax, VMCS
        mov [pvmcs], eax
        vmclear [pvmcs]
        jbe failed
        vmptrld [pvmcs]
        jbe failed
        call fields
        call own
        mov [number], ebx
        mov esi, hello
        call print
        vmlaunch
failed: mov esi, sorry
        call print
        mov eax, 2
        out 0xf4, eax
        hlt

; EPT of guest EBX: 32 MiB, identity, in 2-MiB pages, but OWN is not there yet.
tables: mov edi, ebx
        imul edi, edi, 0x3000
        add edi, EPT
        mov [root], edi
        lea eax, [edi + 0x1007]
        mov [edi], eax
        lea eax, [edi + 0x2007]
        mov [edi + 0x1000], eax
        add edi, 0x2000
        mov eax, 0xb7           ; read, write, execute, write-back, large
        mov ecx, 16
entry:  mov [edi], eax
        add eax, 0x200000
        add edi, 8
        loop entry
        mov dword [edi + (OWN - 0x2000000) / 0x200000 * 8], 0
        ret

; What depends on the guest, behind what "fields" writes.
own:    mov edx, cr3
        mov eax, 0x6802
        vmwrite eax, edx
        mov eax, 0x6c02
        vmwrite eax, edx
        mov eax, 0x201a         ; EPTP: write-back, four levels
        mov edx, [root]
        or edx, 0x1e
        vmwrite eax, edx
        xor eax, eax            ; VPID
        lea edx, [ebx + 1]
        vmwrite eax, edx
        ret

; An exit from L2.
leave2: pushad
        mov eax, 0x4402         ; exit reason
        vmread ecx, eax
        cmp ecx, 10
        je cpuid2
        cmp ecx, 18
        je call2
        cmp ecx, 48
        je violation
        cmp ecx, 12
        je halt
        mov esi, strange
        call print
        mov eax, ecx
        call decimal
        call newline
        jmp failed

cpuid2: mov dword [esp + 28], 0x4e455354        ; EAX as L1 invents it
        mov ebx, [number]
        mov [esp + 16], ebx                     ; EBX: which guest
        jmp behind

call2:  mov esi, says
        call print
        mov eax, [number]
        inc eax
        call decimal
        mov esi, value
        call print
        mov eax, [esp + 28]
        call decimal
        call newline
        jmp behind

violation:
        mov esi, touches
        call print
        mov edi, [root]                         ; map OWN to a frame of the guest's own
        add edi, 0x2000 + OWN / 0x200000 * 8
        mov eax, [number]
        shl eax, 21
        add eax, OWN + 0xb7
        mov [edi], eax
        popad
        vmresume
        jmp failed

halt:   mov esi, done
        call print
        mov ebx, [number]
        inc ebx
        mov esp, STACK
        cmp ebx, 2
        jne guest
        vmxoff
        mov esi, bye
        call print
        xor eax, eax
        out 0xf4, eax
        hlt

behind: mov eax, 0x440c         ; instruction length
        vmread edx, eax
        mov eax, 0x681e         ; RIP
        vmread ecx, eax
        add ecx, edx
        vmwrite eax, ecx
        popad
        vmresume
        jmp failed

; The guests' code. Both run it; CPUID tells which one is running.
l2:     mov ecx, 3
again:  push ecx
        xor eax, eax
        cpuid
        lea eax, [ebx * 4 + ebx + 5]
        add [OWN], eax
        mov eax, [OWN]
        vmcall
        pop ecx
        loop again
        hlt

print:  lodsb
        test al, al
        jz printed
        call putc
        jmp print
printed: ret
newline: mov al, 10
putc:   push edx
        push eax
        mov edx, COM1 + 5
ready:  in al, dx
        test al, 0x20
        jz ready
        pop eax
        mov edx, COM1
        out dx, al
        pop edx
        ret

; Prints EAX.
decimal: mov ecx, 10
        xor ebp, ebp
digits: xor edx, edx
        div ecx
        push edx
        inc ebp
        test eax, eax
        jnz digits
show:   pop eax
        add al, '0'
        call putc
        dec ebp
        jnz show
        ret

hello:  db "  L1 starts a guest with a VMCS, a VPID and an EPT of its own", 10, 0
says:   db "    L2 guest ", 0
value:  db " says ", 0
touches: db "    L1 maps the guest's own page, at its first touch", 10, 0
done:   db "  L2 has halted", 10, 0
bye:    db "  L1 leaves VMX operation", 10, 0
sorry:  db "  L1: a VMX instruction failed", 10, 0
strange: db "  L1: unexpected exit ", 0

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067
gdtr:   dw 31
        dd gdt
        align 8
pvmxon: dq VMXON
pvmcs:  dq 0
root:   dd 0
number: dd 0

; field, value
constant:
        dd 0x2800, 0xffffffff, 0x2801, 0xffffffff
        dd 0x401e, 0x22                         ; secondary controls: EPT, VPID
        dd 0x4004, 0
        dd 0x0c00, 16, 0x0c02, 8, 0x0c04, 16, 0x0c06, 16, 0x0c08, 16, 0x0c0a, 16, 0x0c0c, 24
        dd 0x6c0c, gdt, 0x6c14, STACK, 0x6c16, leave2
        dd 0x0800, 16, 0x0802, 8, 0x0804, 16, 0x0806, 16, 0x0808, 16, 0x080a, 16, 0x080e, 24
        dd 0x4800, 0xffffffff, 0x4802, 0xffffffff, 0x4804, 0xffffffff
        dd 0x4806, 0xffffffff, 0x4808, 0xffffffff, 0x480a, 0xffffffff, 0x480e, 0x67
        dd 0x4814, 0xc093, 0x4816, 0xc09b, 0x4818, 0xc093, 0x481a, 0xc093, 0x481c, 0xc093, 0x481e, 0xc093
        dd 0x4820, 0x10000, 0x4822, 0x8b
        dd 0x6816, gdt, 0x4810, 31
        dd 0x681a, 0x400, 0x6820, 2, 0x681c, L2STACK, 0x681e, l2
        dd -1

; field, capability MSR, bits wanted
controls:
        dd 0x4000, 0x481, 0
        dd 0x4002, 0x482, 0x80000080            ; secondary controls, HLT exiting
        dd 0x400c, 0x483, 0
        dd 0x4012, 0x484, 0
        dd -1
