;; scenario S-VMFAIL-msr: MSRs of the entry list after an entry that only hardware refuses
;; origin   Linux's nested_vmx_restore_host_state; SDM Vol. 3, "Basic VM-Entry Checks" (VMfail changes no state)
;; note     Linux looks for the MSR in the exit list and takes the value that stands there, which need not be L1's.
;; include  vmfail
;; right    A
;; cell     bare                              -> right
;; cell     tdp vmfail.msr=snapshot           -> right
;; cell     tdp vmfail.msr=exitList           -> wrong C
;; cell     tdp vmfail.msr=none               -> wrong B
;; cell     shadow vmfail.msr=snapshot        -> right
;; cell     shadow vmfail.msr=exitList        -> wrong C
;; cell     shadow vmfail.msr=none            -> wrong B
KERNEL_GS equ 0xc0000102
main:   mov ecx, KERNEL_GS
        mov eax, 'A'
        xor edx, edx
        wrmsr                   ; step 0: KernelGSbase of L1 says A
        call vmx_on
        mov edx, 0x200a
        mov eax, entries
        call write
        mov edx, 0x4014
        mov eax, 1
        call write              ; step 1: the entry list says B
        mov edx, 0x2008
        mov eax, exits
        call write
        mov edx, 0x4010
        mov eax, 1
        call write              ; step 2: the exit list says C
        call refuse
        call enter              ; step 3: VMLAUNCH: hardware refuses vmcs02 with VMfail
        cmp eax, -1
        mov al, '?'
        jne tell
        mov ecx, KERNEL_GS
        rdmsr                   ; step 4: L1 reads the MSR
        jmp tell
        align 16
entries: dd KERNEL_GS, 0, 'B', 0
exits:  dd KERNEL_GS, 0, 'C', 0
l2:     vmcall
