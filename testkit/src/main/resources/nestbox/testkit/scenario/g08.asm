;; scenario G8: L2 reaches the host's x2APIC
;; origin   CVE-2019-3887, Linux acff78477b9b, c73f4c998e1f (KVM: x86: nVMX: close leak of L0's x2APIC MSRs)
;; note     L1 virtualizes x2APIC accesses without register virtualization and intercepts no MSR. What hardware does not virtualize
;; note     must reach L1's APIC: L2 writes its divide configuration.
;; include  vmx64
;; right    N
;; cell     bare                               -> right
;; cell     tdp                                -> right
;; cell     shadow                             -> right
;; cell     tdp vmcs02.x2apicMsrs=vmcs12       -> wrong O
;; cell     shadow vmcs02.x2apicMsrs=vmcs12    -> wrong O
BITMAP  equ 0x239000
main:   mov ecx, 0x1b
        rdmsr
        or eax, 0xc00
        wrmsr                   ; step 0: L1's own APIC is in x2APIC mode
        call vmx_on
        mov edx, PRIMARY
        mov eax, 0x90200000     ; secondary controls, MSR bitmaps, TPR shadow
        call set
        mov edx, SECONDARY
        mov eax, 0x10           ; virtualize x2APIC mode
        call set
        mov edx, 0x2012
        mov eax, VAPIC
        call write
        mov edx, 0x2004
        mov eax, BITMAP
        call write              ; step 1: vmcs12 virtualizes x2APIC mode; its MSR bitmap lets everything pass
        call enter
        mov ecx, 0x83e
        rdmsr                   ; step 3: L1 reads it
        cmp eax, 0xb
        mov al, 'N'
        je tell
        mov al, 'O'
        jmp tell
l2:     mov ecx, 0x83e
        mov eax, 0xb
        xor edx, edx
        wrmsr                   ; step 2: L2 writes the divide configuration register
        vmcall
