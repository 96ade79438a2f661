;; scenario G29: Posted-interrupt descriptor that has no memory, behind one that had
;; origin   CVE-2018-16882, Linux c2dd5146e9fe (KVM: Fix UAF in nested posted interrupt processing)
;; include  vmx64
;; right    N
;; cell     bare                                   -> right
;; cell     tdp                                    -> refused KVM_EXIT_INTERNAL_ERROR: the posted-interrupt descriptor
;; cell     shadow                                 -> refused KVM_EXIT_INTERNAL_ERROR: the posted-interrupt descriptor
;; cell     tdp posted.unbackedDescriptor=stale    -> wrong O
;; cell     shadow posted.unbackedDescriptor=stale -> wrong O
DESC    equ 0x23c000
NV      equ 0x40
main:   mov ecx, 0x1b
        rdmsr
        or eax, 0xc00
        wrmsr
        mov ecx, 0x80f
        mov eax, 0x1ff
        xor edx, edx
        wrmsr                   ; x2APIC, enabled
        call vmx_on
        mov edx, PIN
        mov eax, 0x81           ; external-interrupt exiting, posted interrupts
        call set
        mov edx, 0x400c
        mov eax, 0x8000         ; acknowledge interrupt on exit
        call set
        mov edx, PRIMARY
        mov eax, 0x80200000     ; secondary controls, TPR shadow
        call set
        mov edx, SECONDARY
        mov eax, 0x200          ; virtual-interrupt delivery
        call set
        mov edx, 0x2012
        mov eax, VAPIC
        call write
        mov edx, 2
        mov eax, NV
        call write
        mov edx, 0x2016
        mov eax, DESC
        call write              ; step 0: vmcs12 has a posted-interrupt descriptor in memory
        call enter              ; step 1: L2 has run once
        call skip
        mov byte [DESC + 32], 1 ; step 2: L1 marks that descriptor
        mov edx, 0x2016
        mov eax, 0xd0000000
        call write              ; step 3: and gives L2 another, which has no memory
        mov ecx, 0x83f
        mov eax, NV
        xor edx, edx
        wrmsr                   ; step 4: a notification is pending
        call enter              ; step 5: L2 runs: the notification is processed
        mov al, 'N'
        test byte [DESC + 32], 1
        jnz tell                ; step 6: L1 looks at the first descriptor, which nobody may have touched
        mov al, 'O'
        jmp tell
l2:     vmcall
        vmcall
