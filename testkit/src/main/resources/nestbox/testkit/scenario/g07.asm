;; scenario G7: VMXON with its operand in a device
;; origin   CVE-2019-7222, Linux 353c0956a618 (KVM: x86: work around leak of uninitialized stack contents), 7a35e515a705
;; note     Linux cannot read the operand there and injects a page fault, whose record it had not filled; zeroed, it is still not
;; note     what the manual says: the read gives ones, which are no address of a VMXON region. Since 5.9 Linux gives the run up.
;; include  vmx64
;; include  faults
;; right    N
;; cell     bare                                  -> right
;; cell     tdp                                   -> right
;; cell     shadow                                -> right
;; cell     tdp vmx.operandInDevice=fail          -> refused KVM_EXIT_INTERNAL_ERROR: KVM_INTERNAL_ERROR_EMULATION
;; cell     tdp vmx.operandInDevice=zeroed        -> wrong Z
;; cell     shadow vmx.operandInDevice=zeroed     -> wrong Z
;; cell     tdp vmx.operandInDevice=leak          -> wrong L
;; cell     shadow vmx.operandInDevice=leak       -> wrong L
main:   call faults_on
        mov eax, fault
        mov [IDT + 0xe0], ax
        mov dword [PTA], 0xd000001b
        call vmx_on
        vmxoff                  ; step 0: L1 may execute VMXON
        mov eax, 0x12345678
        mov cr2, rax
        vmxon [X]               ; step 1: VMXON, operand in a device
        mov al, 'N'
        jc tell                 ; step 2: VMfailInvalid
        mov al, '?'
        jmp tell
fault:  pop rbx
        mov rcx, cr2
        or rbx, rcx
        mov al, 'Z'
        jz tell
        mov al, 'L'
        jmp tell
l2:     vmcall
