;; include vmx64
; "call refuse" makes vmcs12 one that only hardware refuses, by VMfail: TPR threshold 1 is above the virtual TPR.
refuse: mov edx, PRIMARY
        mov eax, 0x200000
        call set
        mov edx, 0x2012
        mov eax, VAPIC
        call write
        mov edx, 0x401c
        mov eax, 1
        jmp write

