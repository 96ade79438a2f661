;; scenario S-VMCS-cost: What VMREAD costs without a shadow VMCS
;; origin   Linux, module option enable_shadow_vmcs
;; include  vmx64
;; probe    exits
;; right    \x12
;; cell     bare                        -> right
;; cell     tdp                         -> right \x12 exits=1
;; cell     tdp vmcs.shadowing=off      -> slow \x12 exits=4
main:   call vmx_on
        call enter              ; step 0: L2 leaves by VMCALL
        xor eax, eax
        out 0x80, al
        mov edx, REASON
        vmread rax, rdx
        vmread rbx, rdx
        vmread rcx, rdx         ; step 1: L1 reads the exit's reason three times
        mov al, 1
        out 0x80, al
        mov al, cl
        jmp tell
l2:     vmcall
