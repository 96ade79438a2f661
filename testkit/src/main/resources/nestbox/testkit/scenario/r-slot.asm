;; scenario R-slot: Memory appears while another processor faults on the place
;; origin   Linux, mmu_invalidate_seq and the slots' generation (is_page_fault_stale)
;; note     A PAM register (Intel 440FX) makes a segment RAM that was write-only before, which is MMIO to L0. If the fault does not
;; note     begin again, L0 marks the place as a device's under the new generation: instructions there are emulated, and an event
;; note     whose stack lies there cannot be delivered.
;; include  long-mode
;; include  second64
;; right    N
;; cell     bare cpus=2                                             -> right
;; cell     tdp cpus=2                                              -> right
;; cell     tdp cpus=2 yield=fault-before-lock=60                   -> right
;; cell     shadow cpus=2 yield=fault-before-lock=60                -> right
;; cell     tdp cpus=2 fault.retry=off                              -> right
;; cell     tdp cpus=2 yield=fault-before-lock=60 fault.retry=off   -> wrong KVM_EXIT_INTERNAL_ERROR: KVM_INTERNAL_ERROR_DELIVERY_EV, an event's delivery needs a device
;; cell     shadow cpus=2 yield=fault-before-lock=60 fault.retry=off -> wrong KVM_EXIT_INTERNAL_ERROR: KVM_INTERNAL_ERROR_DELIVERY_EV, an event's delivery needs a device
GO      equ 0x20c000
IDT     equ 0x20d000
SEGMENT equ 0xc8000
main:   mov eax, over
        mov [IDT + 0x300], ax
        mov word [IDT + 0x302], 8
        mov word [IDT + 0x304], 0x8e00
        shr eax, 16
        mov [IDT + 0x306], ax
        lidt [idtr]
        mov edx, 0xcf8
        mov eax, 0x80000058
        out dx, eax
        mov edx, 0xcff
        mov al, 2
        out dx, al
        call second_on
.ready: cmp dword [GO], 1
        jne .ready
        mov dword [GO], 2
        mov al, [SEGMENT]         ; step 0: the processor reads the segment; L0 finds no memory there
.open:  cmp dword [GO], 3       ; step 2: L0 goes on with the fault
        jne .open
        mov esp, SEGMENT + 0x800
        int 0x30                ; step 3: an event with the stack in that place
over:   mov al, 'N'
        jmp tell

idtr:   dw 0xfff
        dd IDT, 0

second: mov dword [GO], 1
.go:    cmp dword [GO], 2
        jne .go
        mov edx, 0xcf8
        mov eax, 0x80000058
        out dx, eax
        mov edx, 0xcff
        mov al, 3
        out dx, al              ; step 1: the other one makes the segment RAM
        mov dword [GO], 3
.stay:  hlt
        jmp .stay
