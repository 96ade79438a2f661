;; scenario G28: VPID 0
;; origin   Linux f0d736547815
;; include  vmx64
;; right    7
;; cell     bare                  -> right
;; cell     tdp                   -> right
;; cell     shadow                -> right
;; cell     tdp check.vpid=off    -> wrong L
;; cell     shadow check.vpid=off -> wrong L
main:   call vmx_on
        mov edx, PRIMARY
        mov eax, 0x80000000
        call set
        mov edx, SECONDARY
        mov eax, 0x20
        call set                ; step 0: vmcs12 has VPIDs enabled, and VPID 0
        call enter              ; step 1: VMLAUNCH
        cmp eax, -1
        mov al, 'L'
        jne tell
        mov edx, ERROR
        call read
        add al, '0'             ; step 2: VMfailValid(7)
        jmp tell
l2:     vmcall
