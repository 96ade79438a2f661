;; include svm64
; NPT12: "call npt_on" maps the first 2 MiB, by a large page, and the next 2 MiB by table NPT1, page for page.
NPT4    equ 0x220000
NPT3    equ 0x221000
NPT2    equ 0x222000
NPT1    equ 0x223000

npt_on: mov dword [NPT4], NPT3 + 7
        mov dword [NPT3], NPT2 + 7
        mov dword [NPT2], 0x87
        mov dword [NPT2 + 8], NPT1 + 7
        mov edi, NPT1
        mov eax, 0x200007
        mov ecx, 512
.page:  mov [rdi], eax
        add eax, 0x1000
        add edi, 8
        loop .page
        mov dword [NP], 1
        mov dword [NCR3], NPT4
        ret

