package nestbox.testkit.exits;

/** What L2 does again and again. */
public enum L2Action {
    CPUID("CPUID", "xor eax, eax\n cpuid"),
    CR3("CR3 write", "mov cr3, rbx"),
    /** L2's handler of vector 14 steps over the instruction: nobody else needs to know. */
    PAGE_FAULT("page fault for L2", "mov al, [rsi]"),
    /** L1 has not mapped the page in EPT12 or NPT12, or in the tables that it shadows L2's with. */
    UNMAPPED_PAGE("page that L1 maps", "mov al, [rdi]\n add edi, 0x1000"),
    PORT("I/O", "out 0x80, al"),
    HLT("HLT", "hlt"),
    /** Of L1's local APIC timer; L2 computes. */
    INTERRUPT("interrupt", "");

    /** Linear and nGPA of pages that L2 touches one after another; the first is mapped from the start. */
    static final long PAGES = 0x40000000L;

    /** A linear address that L2's own tables do not map. */
    static final long NOT_PRESENT = 0x50000000L;

    private final String title;
    private final String code;

    L2Action(String title, String code) {
        this.title = title;
        this.code = code;
    }

    public String title() {
        return title;
    }

    /** L2 in 64-bit code: the action so many times, then {@code end}. It leaves R8 to R15 to L1. */
    String source(int times, String end) {
        if (this == INTERRUPT) {
            return "        jmp l2\n";
        }
        return """
                        mov ebp, %d
                        mov rbx, cr3
                        mov esi, %d
                        mov edi, %d
                .again: %s
                        dec ebp
                        jnz .again
                        %s
                """.formatted(times, NOT_PRESENT, PAGES + 0x1000, code, end);
    }
}
