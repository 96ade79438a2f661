;; scenario S-CR3-bailout: An entry that L0 gives up after it has noted CR3 of L1
;; origin   patch series of 12 June 2026, "nVMX: Fix ept=n bugs where KVM runs L2 with guest CR3"
;; note     A page that vmcs12 needs cannot be mapped: KVM_INTERNAL_ERROR. Hardware's CR3 must be L1's shadow root all the while.
;; note     Translations that hardware has cached hide the wrong CR3; without them (tlb=none) the processor cannot fetch an instruction.
;; include  vmx64
;; reenter
;; right    A
;; cell     bare                                                  -> right
;; cell     tdp inject=pages=unbacked-page@1                      -> right
;; cell     tdp inject=pages=unbacked-page@1 vmfail.cr3=stash     -> right
;; cell     shadow inject=pages=unbacked-page@1                   -> right
;; cell     tdp inject=pages=unbacked-page@1 vmfail.cr3=early     -> right
;; cell     shadow inject=pages=unbacked-page@1 vmfail.cr3=early  -> right
;; cell     shadow inject=pages=unbacked-page@1 vmfail.cr3=stash  -> right
;; cell     shadow tlb=none inject=pages=unbacked-page@1 -> right
;; cell     shadow tlb=none inject=pages=unbacked-page@1 vmfail.cr3=stash  -> wrong KVM_EXIT_INTERNAL_ERROR: the guest makes no progress
main:   mov byte [OLD], 'A'
        mov dword [PTA], OLD + 3
        call vmx_on             ; step 0: L0 uses no EPT; hardware runs L1 with the root of its shadow tables
        call enter              ; step 1: VMLAUNCH: L0 notes CR3 of L1; a page of vmcs12 cannot be mapped; exit to userspace
                                ; step 2: userspace runs the vCPU again, L1 repeats its instruction, and L2 runs
        mov al, [X]             ; step 3: L1 reads X behind L2's exit
        jmp tell
l2:     vmcall
