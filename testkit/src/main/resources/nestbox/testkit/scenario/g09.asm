;; scenario G9: L2 writes CR8, and L1 asks for neither TPR shadow nor exits
;; origin   CVE-2017-12154, Linux 51aa68e7d57e (kvm: nVMX: Don't allow L2 to access the hardware CR8)
;; include  vmx64
;; right    5
;; cell     bare                               -> right
;; cell     tdp                                -> right
;; cell     shadow                             -> right
;; cell     tdp vmcs02.cr8Exiting=vmcs12       -> wrong 0
;; cell     shadow vmcs02.cr8Exiting=vmcs12    -> wrong 0
main:   call vmx_on
        mov edx, PRIMARY
        call read
        and eax, 0xffe7ffff
        call write              ; step 0: vmcs12 has no TPR shadow, and accesses to CR8 do not leave L2
        call enter
        mov rax, cr8            ; step 2: L1 reads the register, which is its own APIC's
        add al, '0'
        jmp tell
l2:     mov eax, 5
        mov cr8, rax            ; step 1: L2 writes CR8
        vmcall
