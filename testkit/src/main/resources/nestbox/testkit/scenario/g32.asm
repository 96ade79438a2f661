;; scenario G32: Monitor trap flag over an instruction that L0 emulates
;; origin   Linux 5ef8acbdd687 (KVM: nVMX: Emulate MTF when performing instruction emulation)
;; include  vmx64
;; right    1
;; cell     bare                                -> right
;; cell     tdp                                 -> right
;; cell     shadow                              -> right
;; cell     tdp events.mtfOnEmulation=off       -> wrong 2
;; cell     shadow events.mtfOnEmulation=off    -> wrong 2
main:   call vmx_on
        mov edx, PRIMARY
        mov eax, 0x08000000
        call set                ; step 0: L1 has set the monitor trap flag, and intercepts no ports
        mov ebx, 1
        call enter              ; step 1: VMLAUNCH
        cmp eax, 37
        mov al, '?'
        jne tell
        mov al, bl
        add al, '0'             ; step 3: the exit comes behind one instruction, that is before BL becomes 2
        jmp tell
        align 16
l2:     out 0x80, al            ; step 2: L2 writes a port, which L0 emulates
        mov bl, 2
        vmcall
