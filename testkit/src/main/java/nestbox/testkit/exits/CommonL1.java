package nestbox.testkit.exits;

import nestbox.testkit.guest.Guest;

/** What both vendors' L1 hypervisors have: L2's tables and handler, pages to map, and the timer whose interrupts end L2's stay. */
final class CommonL1 {
    private static final int VECTOR = 0x40;
    /** Ticks between two interrupts: several times what L1 and L2 execute for one. */
    private static final int PERIOD = 2000;

    private CommonL1() {}

    static Guest prepared(L2Action action, boolean tdp) {
        Guest guest = Guest.longMode().page("page").tables("l1_tables", t -> t.identity(1 << 30));
        if (tdp) {
            guest.tables("l2_tables", t -> t.identity(16 << 20).large(L2Action.PAGES, L2Action.PAGES));
        } else {
            guest.tables(
                    "l2_tables",
                    t -> t.identity(16 << 20).map(L2Action.PAGES, "page").entry("page_entry"));
        }
        // What L2's page fault steps over is two bytes long.
        guest.handler(14, "l2_fault")
                .label("l2_fault", "        add rsp, 8\n        add qword [rsp], 2\n        iretq\n");
        if (action == L2Action.INTERRUPT) {
            guest.handler(VECTOR, "timer").label("timer", """
                            mov ecx, 0x80b
                            xor eax, eax
                            xor edx, edx
                            wrmsr
                            iretq
                    """);
        }
        return guest;
    }

    /** L1's registers, and for interrupts its local APIC: x2APIC mode, a periodic timer. */
    static String start(L2Action action, int times) {
        String registers = "        mov r14d, page_entry\n        mov r15d, " + times + "\n";
        if (action != L2Action.INTERRUPT) {
            return registers;
        }
        return registers
                + msr(0x1b, 0xfee00d00L)
                + msr(0x80f, 0x1ff)
                + msr(0x83e, 0xb)
                + msr(0x832, 0x20000 | VECTOR)
                + msr(0x838, PERIOD);
    }

    private static String msr(int number, long value) {
        return "        mov ecx, " + number + "\n        mov eax, " + value + "\n        xor edx, edx\n        wrmsr\n";
    }

    /** Maps the next page of those that L2 touches; R14 is the entry of the last. */
    static String mapNext(int flags) {
        return "        add r14, 8\n        mov qword [r14], page + " + flags + "\n";
    }
}
