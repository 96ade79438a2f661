;; scenario G10: APIC-access page without memory behind it
;; origin   Linux 671ddc700fd0 (KVM: nVMX: Don't leak L1 MMIO regions to L2), b89d5ad00e78
;; note     L0 cannot give hardware a page that does not exist: it has to give the entry up, and may not run L2 without the control.
;; include  vmx64
;; right    A
;; cell     bare                                       -> right
;; cell     tdp                                        -> refused KVM_EXIT_INTERNAL_ERROR: nested entry, step pages
;; cell     shadow                                     -> refused KVM_EXIT_INTERNAL_ERROR: nested entry, step pages
;; cell     tdp vmcs02.apicAccessUnbacked=clear        -> wrong L
;; cell     shadow vmcs02.apicAccessUnbacked=clear     -> wrong L
DEVICE  equ 0xd0000000
main:   mov dword [PTA], DEVICE + 0x1b
        call vmx_on
        mov edx, PRIMARY
        mov eax, 0x80200000     ; secondary controls, TPR shadow
        call set
        mov edx, SECONDARY
        mov eax, 1              ; virtualize APIC accesses
        call set
        mov edx, 0x2012
        mov eax, VAPIC
        call write
        mov edx, 0x2014
        mov eax, DEVICE
        call write              ; step 0: the APIC-access address of vmcs12 is one of a device of L1
        call enter              ; step 1: VMLAUNCH
        cmp eax, 44             ; step 3: APIC access
        mov al, 'A'
        je tell
        mov al, 'L'             ; L2 has read L1's device
        jmp tell
l2:     mov eax, [X + 0x20]     ; step 2: L2 reads from that page
        vmcall
