; L1 in PAE paging, L2 in PAE paging with other tables. "attempt" is the nested entry that a test makes fail; L1 says how it failed
; (V: VMfail, F: exit with bit 31), enters again, and prints what L2 and then L1 read at X: B and A.
; Before it come: EPT (L1 uses it), BAD (0: nothing, 1: L2's state is illegal, 2: the first MSR cannot be
; loaded, 3: the second, 4: there are too many), COUNT (of MSRs).

        org 0x100000

C1      equ 0x300000
C2      equ 0x301000
LOW     equ 0x302000
PDA     equ 0x303000
PDB     equ 0x304000
HIGH    equ 0x305000
EPML4   equ 0x306000
EPDPT   equ 0x307000
MSRS    equ 0x30a000
RESULT  equ 0x309000
X       equ 0x40000000
HPET    equ 0xfed00000
VMXON   equ 0x400000
VMCS    equ 0x401000

        bits 32

header: dd 0x1badb002
        dd 0x00010000
        dd 0xe4514ffe
        dd header, header, 0, 0, start

start:  mov esp, 0x1f0000
        cld
        lgdt [gdtr]
        mov edi, C1
        xor eax, eax
        mov ecx, 0xa000 / 4
        rep stosd
        mov edi, LOW
        mov eax, 0x83
        mov ecx, 16
fill:   mov [edi], eax
        add eax, 0x200000
        add edi, 8
        loop fill
        mov dword [C1], LOW + 1
        mov dword [C1 + 8], PDA + 1
        mov dword [C1 + 24], HIGH + 1
        mov dword [C2], LOW + 1
        mov dword [C2 + 8], PDB + 1
        mov dword [PDA], 0x800083
        mov dword [PDB], 0xa00083
        mov dword [HIGH + 0xfb0], 0xfec00093
        mov dword [EPML4], EPDPT + 7
        mov dword [EPDPT], 0xb7
        mov byte [0x800000], 'A'
        mov byte [0xa00000], 'B'
        mov dword [MSRS], 0xc0000102
        mov dword [MSRS + 8], 0x1234
        mov esi, MSRS
        mov edi, MSRS + 16
        mov ecx, 512 * 16 / 4
        rep movsd
        cmp dword [bad], 3
        jne first
        mov dword [MSRS + 16], 0xc0000101
first:  cmp dword [bad], 2
        jne tables
        mov dword [MSRS], 0xc0000100
tables: mov eax, 0x2020         ; VMXE, PAE
        mov cr4, eax
        mov eax, C1
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000021
        mov cr0, eax
        call operate
        mov [VMCS], eax
        vmclear [pvmcs]
        vmptrld [pvmcs]
        call fields
        mov edx, C2
        mov eax, 0x6802
        vmwrite eax, edx
        mov edx, C1
        mov eax, 0x6c02
        vmwrite eax, edx
        cmp dword [bad], 1
        jne good
        mov eax, 0x6820         ; RFLAGS bit 1 must be set
        xor edx, edx
        vmwrite eax, edx
good:   mov eax, [HPET]         ; fills the MMIO cache
        mov bl, [X]
        xor edx, edx
        stc                     ; VMfailValid clears it
attempt:
        vmlaunch
after:  nop
        mov edx, 0x4400
        vmread eax, edx
        mov [RESULT], eax
        mov al, 'V'
again:  mov edx, 0x3f8
        out dx, al
        vmlaunch
        mov al, '?'
        jmp tell
left:   nop
        mov edx, 0x4402
        vmread eax, edx
        mov [RESULT + 4], eax
        mov edx, 0x6400
        vmread ecx, edx
        mov [RESULT + 8], ecx
        test eax, eax
        mov al, 'F'
        js again
        mov al, bl
        mov edx, 0x3f8
        out dx, al
        mov al, [X]
tell:   mov edx, 0x3f8
        out dx, al
        xor eax, eax
        out 0xf4, eax
        hlt
guest:  mov esi, 3
round:  mov eax, esi
        add al, '0'
        mov edx, 0x3f8          ; a port of L1's, which L1 does not intercept
        out dx, al
        push eax
        pop ecx
        xchg [0x1e8000], ecx
        fld1
        fstp dword [0x1e8010]
        dec esi
        jnz round
        mov bl, [X]
        vmcall
        hlt

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067
gdtr:   dw 31
        dd gdt
        align 8
pvmxon: dq VMXON
pvmcs:  dq VMCS
bad:    dd BAD
constant:
        dd 0x2800, 0xffffffff, 0x2801, 0xffffffff
        dd 0x4004, 0
        dd 0x401e, EPT * 2, 0x201a, EPML4 + 0x1e
        dd 0x280a, LOW + 1, 0x280c, PDB + 1, 0x280e, 0, 0x2810, 0
        dd 0x2804, 0x00070106, 0x2805, 0x00070106       ; L2's PAT
        dd 0x4014, COUNT, 0x200a, MSRS
        dd 0x0c00, 16, 0x0c02, 8, 0x0c04, 16, 0x0c06, 16, 0x0c08, 16, 0x0c0a, 16, 0x0c0c, 24
        dd 0x6c0c, gdt, 0x6c14, 0x1f0000, 0x6c16, left
        dd 0x0800, 16, 0x0802, 8, 0x0804, 16, 0x0806, 16, 0x0808, 16, 0x080a, 16, 0x080e, 24
        dd 0x4800, 0xffffffff, 0x4802, 0xffffffff, 0x4804, 0xffffffff
        dd 0x4806, 0xffffffff, 0x4808, 0xffffffff, 0x480a, 0xffffffff, 0x480c, 0xffff, 0x480e, 0x67
        dd 0x4814, 0xc093, 0x4816, 0xc09b, 0x4818, 0xc093, 0x481a, 0xc093, 0x481c, 0xc093, 0x481e, 0xc093
        dd 0x4820, 0x10000, 0x4822, 0x8b
        dd 0x6816, gdt, 0x4810, 31
        dd 0x681a, 0x400, 0x6820, 2, 0x681c, 0x1e0000, 0x681e, guest
        dd 0x6824, 0x1111, 0x6826, 0x2222, 0x482a, 0x33 ; L2's SYSENTER registers
        dd -1
controls:
        dd 0x4000, 0x481, 0
        dd 0x4002, 0x482, EPT * 0x80000000
        dd 0x400c, 0x483, 0
        dd 0x4012, 0x484, 0x4000                        ; load PAT
        dd -1
