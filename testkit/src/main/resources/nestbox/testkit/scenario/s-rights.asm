;; scenario S-RIGHTS: Reserved bits of access rights in a VMWRITE
;; origin   SDM Vol. 3, "Guest Register State" (access rights); Linux, handle_vmwrite
;; note     Some processors have no room for these bits in a VMCS; KVM clears them on all.
;; include  vmx64
;; right    K!
;; cell     bare                                -> right
;; cell     tdp                                 -> right
;; cell     shadow                              -> right
;; cell     tdp vmwrite.accessRights=drop       -> wrong DL
;; cell     shadow vmwrite.accessRights=drop    -> wrong DL
main:   call vmx_on
        mov edx, 0x4818
        mov eax, 0xc193
        call write              ; step 0: VMWRITE of SS's access rights, with bit 8 set
        call read
        test ah, 1
        mov al, 'K'
        jnz .say
        mov al, 'D'
.say:   mov dx, 0x3f8           ; step 1: VMREAD finds it kept, or dropped
        out dx, al
        call enter              ; step 2: VMLAUNCH: exit 33, or L2 runs
        test eax, eax
        mov al, '!'
        js tell
        mov al, 'L'
        jmp tell
l2:     vmcall
