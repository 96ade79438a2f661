; L1 in PAE paging, L2 in PAE paging with other tables. "attempt" is the nested entry that a test makes fail; L1 says so (F:
; #VMEXIT(INVALID)), enters again, and prints what L2 and then L1 read at X: B and A.
; Before it come: NPT (L1 uses it), BAD (0: nothing, 1: L2's state is illegal, 2: L2's PDPTEs are illegal), COUNT.

        org 0x100000

C1      equ 0x300000
C2      equ 0x301000
LOW     equ 0x302000
PDA     equ 0x303000
PDB     equ 0x304000
HIGH    equ 0x305000
N3      equ 0x306000
NLOW    equ 0x307000
RESULT  equ 0x309000
X       equ 0x40000000
HPET    equ 0xfed00000
HSAVE   equ 0x400000
VMCB    equ 0x401000
SAVE    equ VMCB + 0x400

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
        mov edi, VMCB
        mov ecx, 0x1000 / 4
        rep stosd
        mov edi, LOW
        mov eax, 0x83
        mov ecx, 16
fill:   mov [edi], eax
        add eax, 0x200000
        add edi, 8
        loop fill
        mov edi, NLOW           ; as L1 uses them for a nested guest: all of it user
        mov eax, 0x87
        mov ecx, 16
nfill:  mov [edi], eax
        add eax, 0x200000
        add edi, 8
        loop nfill
        mov dword [C1], LOW + 1
        mov dword [C1 + 8], PDA + 1
        mov dword [C1 + 24], HIGH + 1
        mov dword [C2], LOW + 1
        mov dword [C2 + 8], PDB + 1
        mov dword [PDA], 0x800083
        mov dword [PDB], 0xa00083
        mov dword [HIGH + 0xfb0], 0xfec00093
        mov dword [N3], NLOW + 1
        mov byte [0x800000], 'A'
        mov byte [0xa00000], 'B'
        mov eax, 0x20           ; PAE
        mov cr4, eax
        mov eax, C1
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000021
        mov cr0, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x1000          ; SVME
        wrmsr
        mov ecx, 0xc0010117
        mov eax, HSAVE
        xor edx, edx
        wrmsr
        mov dword [VMCB + 0x0c], 0x80000000     ; SHUTDOWN
        mov dword [VMCB + 0x10], 3              ; VMRUN, VMMCALL
        mov dword [VMCB + 0x58], 1              ; ASID
        mov dword [VMCB + 0x90], NPT
        mov dword [VMCB + 0xb0], N3
        mov dword [VMCB + 0xa8], 0x0123         ; EVENTINJ without its valid bit
        mov dword [VMCB + 0x88], 0x0456         ; EXITINTINFO
        mov edi, SAVE
        mov ecx, 4                              ; ES, CS, SS, DS
seg:    mov dword [edi], 0x0c930010
        mov dword [edi + 4], 0xffffffff
        add edi, 16
        loop seg
        mov dword [SAVE + 0x10], 0x0c9b0008
        mov dword [SAVE + 0x64], 31             ; GDTR
        mov dword [SAVE + 0x68], gdt
        mov dword [SAVE + 0xd0], 0x1000         ; EFER
        mov dword [SAVE + 0x148], 0x20          ; CR4
        mov dword [SAVE + 0x150], C2
        mov eax, cr0
        mov [SAVE + 0x158], eax
        mov dword [SAVE + 0x160], 0x400         ; DR7
        mov dword [SAVE + 0x168], 0xffff0ff1    ; DR6
        mov dword [SAVE + 0x170], 2
        mov dword [SAVE + 0x178], guest
        mov dword [SAVE + 0x1d8], 0x1e0000
        mov dword [SAVE + 0x1f8], 0x77          ; RAX
        mov dword [SAVE + 0x240], 0x5555        ; CR2
        mov dword [SAVE + 0x268], 0x00070106    ; PAT
        mov dword [SAVE + 0x26c], 0x00070106
        cmp dword [bad], 1
        jne state
        mov dword [SAVE + 0x16c], 1             ; DR6[63:32]
state:  mov dword [C2 + 24], 0  ; the page is dirty in any case
        cmp dword [bad], 2
        jne good
        mov dword [C2 + 16], 3                  ; bit 1 of a PDPTE is reserved
good:   mov eax, 0x603                          ; a breakpoint that never matches, in DR7
        mov dr7, eax
        mov eax, [HPET]                         ; fills the MMIO cache
        mov bl, [X]
        xor ecx, ecx
        stc
        mov eax, VMCB
attempt:
        vmrun
after:  nop
        stgi
        mov ecx, [VMCB + 0x70]
        mov [RESULT], ecx
        mov dword [C2 + 16], 0
        cmp ecx, -1
        jne ran
        mov al, 'F'
        mov edx, 0x3f8
        out dx, al
        mov dword [SAVE + 0x16c], 0
        mov eax, VMCB
        vmrun
        stgi
        mov ecx, [VMCB + 0x70]
ran:    mov al, '?'
        cmp ecx, 0x81
        jne tell
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
        vmmcall
        hlt

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067
gdtr:   dw 31
        dd gdt
bad:    dd BAD
