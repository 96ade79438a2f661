package nestbox.testkit.guest;

/** The mode that a guest's own code runs in. */
enum GuestMode {
    /** 32-bit protected mode without paging. */
    PROTECTED(null, 32),
    /** 32-bit code, two-level paging with 4-MiB pages. */
    LEGACY(PageTables.Kind.TWO_LEVEL, 32),
    /** 32-bit code, PAE paging. */
    PAE(PageTables.Kind.PAE, 32),
    /** 64-bit mode, four-level paging. */
    LONG(PageTables.Kind.FOUR_LEVEL, 64);

    /** Selectors of {@link #descriptors}. */
    static final int CODE32 = 0x08;

    static final int DATA = 0x10;
    static final int CODE64 = 0x18;
    static final int USER_CODE32 = 0x20;
    static final int USER_DATA = 0x28;
    static final int USER_CODE64 = 0x30;
    static final int TASK = 0x38;

    final PageTables.Kind tables;
    final int bits;

    GuestMode(PageTables.Kind tables, int bits) {
        this.tables = tables;
        this.bits = bits;
    }

    /** The runtime's source for this mode. */
    String wide(String source) {
        return source.replace("@", bits == 64 ? "r" : "e").replace("ADDRESS_BITS", Integer.toString(bits));
    }

    /** GDT, task state and IDT pointer; the busy flag of the task is LTR's. */
    String descriptors() {
        int gate = bits == 64 ? 16 : 8;
        String stack = bits == 64 ? "        dd 0\n        dq l1_stack\n" : "        dd 0, l1_stack, " + DATA + "\n";
        return """
                        align 8
                gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
                        dq 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
                        dw 0x67, task_state & 0xffff
                        db task_state >> 16, 0x89, 0, 0
                        dq 0
                gdt_end:
                gdt_pointer: dw gdt_end - gdt - 1
                        dq gdt
                idt_pointer: dw 0xfff
                        dq idt
                GATE_BYTES equ %d
                        align 8
                task_state:
                %s        times 0x68 - ($ - task_state) db 0
                """.formatted(gate, stack);
    }

    /** From 32-bit protected mode into this one, with the tables at {@code root}. */
    String enter(String root, long cr0, long cr4, long efer) {
        if (tables == null) {
            return control(cr4) + "        mov eax, " + Frames.hex(0x31 | cr0) + "\n        mov cr0, eax\n";
        }
        String paging =
                control(cr4 | (this == LEGACY ? 0x10 : 0x20)) + "        mov eax, " + root + "\n        mov cr3, eax\n";
        long extended = efer | (this == LONG ? 0x100 : 0);
        if (extended != 0) {
            paging += "        mov ecx, 0xc0000080\n        rdmsr\n        or eax, " + Frames.hex(extended)
                    + "\n        wrmsr\n";
        }
        paging += "        mov eax, " + Frames.hex(0x80010031L | cr0) + "\n        mov cr0, eax\n";
        return this == LONG ? paging + "        jmp " + CODE64 + ":long_mode\n        bits 64\nlong_mode:\n" : paging;
    }

    private static String control(long cr4) {
        return "        mov eax, " + Frames.hex(cr4) + "\n        mov cr4, eax\n";
    }
}
