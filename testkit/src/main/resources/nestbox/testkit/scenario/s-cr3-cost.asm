;; scenario S-CR3-cost: What it costs to ask hardware first
;; origin   Linux 2b27924bb1d4, 5.1 (KVM: nVMX: always use early vmcs check when EPT is disabled)
;; note     Both are right: an entry that hardware refuses for sure, because of the state that was left out, comes before each other.
;; include  vmx64
;; probe    early
;; right    N
;; cell     bare                        -> right
;; cell     tdp                         -> right N early=0
;; cell     tdp vmfail.cr3=early        -> right N early=0
;; cell     shadow                      -> right N early=0
;; cell     shadow vmfail.cr3=early     -> slow N early=3
main:   mov dword [PTA], NEW + 3
        call vmx_on
        xor eax, eax
        out 0x80, al            ; step 0: L1 is ready
        call enter
        call skip
        call enter
        call skip
        call enter              ; step 1: L2 is entered three times
        mov al, 1
        out 0x80, al
        mov al, bl
        jmp tell
l2:     vmcall
        vmcall
        mov bl, [X]
        vmcall
