package nestbox.guests;

import static nestbox.guests.SegmentationTest.atUser;

import org.junit.jupiter.api.Test;

/**
 * Vectors, error codes, priorities, double and triple faults (SDM Vol. 3, "Interrupt and Exception Handling": "Exception and
 * Interrupt Reference", "Interrupt 8 - Double Fault Exception", "Priority Among Concurrent Events").
 */
class ExceptionTest {
    private static final String NOT_PRESENT = "dw 0, 8, 0x0e00, 0";
    private static final String NULL_TARGET = "dw stub2 & 0xffff, 0, 0x8e00, stub2 >> 16";

    private static Probe pm(String body) {
        return Probe.protectedMode(body);
    }

    @Test
    void vectors() {
        new Rows()
                .row("DIV by 0", pm("xor ecx, ecx\ndiv ecx"), "#DE")
                .row("quotient too large", pm("mov edx, 1\nxor eax, eax\nmov ecx, 1\ndiv ecx"), "#DE")
                .row(
                        "IDIV of the most negative",
                        pm("mov edx, -1\nmov eax, 0x80000000\ncdq\nmov ecx, -1\nidiv ecx"),
                        "#DE")
                .row("AAM 0", pm("db 0xd4, 0"), "#DE")
                .row("INT1", pm("db 0xf1"), "#DB")
                .row("INT3", pm("int3"), "#BP")
                .row("INTO", pm("mov al, 0x7f\ninc al\ninto"), "#OF")
                .row("INTO without OF", pm("xor al, al\ninto"), "ok")
                .row(
                        "BOUND",
                        pm("mov dword [0x9000], 1\nmov dword [0x9004], 5\nmov eax, 6\nbound eax, [0x9000]"),
                        "#BR")
                .row(
                        "BOUND inside",
                        pm("mov dword [0x9000], 1\nmov dword [0x9004], 5\nmov eax, 5\nbound eax, [0x9000]"),
                        "ok")
                .row("UD2", pm("ud2"), "#UD")
                .row("LOCK on a register", pm("db 0xf0, 0x01, 0xc0"), "#UD")
                .row("LOCK on CMP", pm("db 0xf0, 0x39, 0x00"), "#UD")
                .row("x87 with EM", pm("mov eax, cr0\nor al, 4\nmov cr0, eax\nfninit"), "#NM")
                .row("x87 with TS", pm("mov eax, cr0\nor al, 8\nmov cr0, eax\nfninit"), "#NM")
                .row("WAIT with MP and TS", pm("mov eax, cr0\nor al, 10\nmov cr0, eax\nfwait"), "#NM")
                .row("WAIT with TS alone", pm("mov eax, cr0\nor al, 8\nand al, 0xfd\nmov cr0, eax\nfwait"), "ok")
                .row("MMX with EM", pm("mov eax, cr0\nor al, 4\nmov cr0, eax\nemms"), "#UD")
                .row("SSE without OSFXSR", pm("xorps xmm0, xmm0"), "#UD")
                .row(
                        "x87 exception with NE",
                        pm("mov eax, cr0\n"
                                + "or al, 0x20\n"
                                + "mov cr0, eax\n"
                                + "fninit\n"
                                + "push 0x37b\n"
                                + "fldcw [esp]\n"
                                + "fld1\n"
                                + "fldz\n"
                                + "fdivp\n"
                                + "fwait"),
                        "#MF")
                .row(
                        "SIMD exception",
                        pm("mov eax, cr4\n"
                                + "or eax, 0x600\n"
                                + "mov cr4, eax\n"
                                + "push 0x1d80\n"
                                + "ldmxcsr [esp]\n"
                                + "xorps xmm0, xmm0\n"
                                + "mov eax, 0x3f800000\n"
                                + "movd xmm1, eax\n"
                                + "divss xmm1, xmm0"),
                        "#XM")
                .row(
                        "alignment",
                        pm("mov eax, cr0\nor eax, 0x40000\nmov cr0, eax\n"
                                + atUser("pushfd\nor dword [esp], 0x40000\npopfd\nmov eax, [0x9001]")),
                        "#AC(0)")
                .row(
                        "alignment at CPL 0",
                        pm("mov eax, cr0\n"
                                + "or eax, 0x40000\n"
                                + "mov cr0, eax\n"
                                + "pushfd\n"
                                + "or dword [esp], 0x40000\n"
                                + "popfd\n"
                                + "mov eax, [0x9001]"),
                        "ok")
                .row("HLT at CPL 3", pm(atUser("hlt")), "#GP(0)")
                .row("CLI above IOPL", pm(atUser("cli")), "#GP(0)")
                .row("IN above IOPL", pm(atUser("in al, 0x80")), "#GP(0)")
                .row("16 bytes", pm("times 15 db 0x66\nnop"), "#GP(0)")
                .row("15 bytes", pm("times 14 db 0x66\nnop"), "ok")
                .check();
    }

    @Test
    void softwareInterruptsAndGates() {
        new Rows()
                .row("gate of DPL 3", pm(atUser("int 0x80")), "ok")
                .row("gate of DPL 0", pm(atUser("int 0x30")), "#GP(182)")
                .row("gate of DPL 0 at CPL 0", pm("int 0x30"), "vector 30")
                .row("beyond the IDT", pm("int 0xf0"), "#GP(782)")
                .row("not present", pm("int 0x30").gate(0x30, NOT_PRESENT), "#NP(182)")
                .row("DPL before presence", pm(atUser("int 0x30")).gate(0x30, NOT_PRESENT), "#GP(182)")
                .row("no gate", pm("int 0x30").gate(0x30, "dq 0"), "#GP(182)")
                .row("call gate", pm("int 0x30").gate(0x30, "dw 0, 8, 0x8c00, 0"), "#GP(182)")
                .row("to null", pm("int 0x30").gate(0x30, NULL_TARGET), "#GP(0)")
                .row("to data", pm("int 0x30").gate(0x30, Probe.gateTo("stub2", 0x10, 0x8e, false)), "#GP(10)")
                .row(
                        "to an outer level",
                        pm("int 0x30").gate(0x30, Probe.gateTo("stub2", 0x23, 0x8e, false)),
                        "#GP(20)")
                .row("a hardware exception ignores the gate's DPL", pm(atUser("ud2")), "#UD")
                .row("an exception through a bad gate has EXT set", pm("ud2").gate(6, NOT_PRESENT), "#NP(33)")
                .row("INT3 through a bad gate has not", pm("int3").gate(3, NOT_PRESENT), "#NP(1a)")
                .check();
    }

    /** #UD is benign; #DE, #NP and #GP are contributory; #PF is of its own class. */
    @Test
    void doubleAndTripleFaults() {
        String paged = """
            mov dword [0x300000], 0x83
            mov dword [0x300004], 0
            mov eax, cr4
            or al, 0x10
            mov cr4, eax
            mov eax, 0x300000
            mov cr3, eax
            mov eax, cr0
            or eax, 0x80000000
            mov cr0, eax
            """;
        // Gate 0 lies in a page that is not present, the others behind it in one that is.
        String splitTable = """
            mov esi, idt + 8
            xor edi, edi
            mov ecx, 0x100
            rep movsd
            mov dword [0x300008], 0x83
            lidt [split]
            jmp apart
            split: dw 0x3ff
            dd 0x7ffff8
            apart:
            """;
        new Rows()
                .row("contributory after benign", pm("ud2").gate(6, NOT_PRESENT), "#NP(33)")
                .row(
                        "contributory after contributory",
                        pm("xor ecx, ecx\ndiv ecx").gate(0, NOT_PRESENT),
                        "#DF(0)")
                .row("#GP whose gate is bad", pm("mov eax, 0xf00\nmov es, ax").gate(13, NOT_PRESENT), "#DF(0)")
                .row(
                        "#NP whose gate leads nowhere",
                        pm("int 0x30").gate(0x30, NOT_PRESENT).gate(11, NULL_TARGET),
                        "#DF(0)")
                .row("page fault", pm(paged + "mov al, [0x400000]"), "#PF(0)")
                .row("contributory after #PF", pm(paged + "mov al, [0x400000]").gate(14, NOT_PRESENT), "#DF(0)")
                .row("#PF after contributory is serial", pm(paged + splitTable + "xor ecx, ecx\ndiv ecx"), "#PF(0)")
                .row(
                        "#PF after #PF on the way to the second gate",
                        pm(paged + splitTable + "mov esp, 0x400004\nmov al, [0x400000]"),
                        "shutdown")
                .row("#PF after #PF", pm(paged + "mov esp, 0x400004\nmov al, [0x400000]"), "shutdown")
                .row(
                        "the double fault's gate is bad too",
                        pm("xor ecx, ecx\ndiv ecx").gate(0, NOT_PRESENT).gate(8, NOT_PRESENT),
                        "shutdown")
                .row("no IDT", pm("lidt [none]\nud2").data("none: dw 0\ndd 0"), "shutdown")
                .check();
    }

    private static Probe badStack(String selector, int access) {
        String body =
                "mov dword [tss + 8], %s\n".formatted(selector) + atUser("ud2").replace("push 2\n", "push 0x3002\n");
        // The handlers of what is wrong with the stack stay at CPL 3, and have IOPL 3 to report.
        return pm(body).descriptor(0, Probe.descriptor(0, 0xfffff, access, 12))
                .gate(10, Probe.gateTo("stub10", 0x23, 0x8e, false))
                .gate(12, Probe.gateTo("stub12", 0x23, 0x8e, false));
    }

    @Test
    void stacksOfHandlers() {
        new Rows()
                .row("SS0 null", badStack("0", 0), "#TS(1)")
                .row("SS0 read-only", badStack("0x60", 0x91), "#TS(61)")
                .row("SS0 of DPL 3", badStack("0x28", 0), "#TS(29)")
                .row("SS0 with RPL 3", badStack("0x13", 0), "#TS(11)")
                .row("SS0 not present", badStack("0x60", 0x13), "#SS(61)")
                .check();
    }

    @Test
    void priorities() {
        String ts = "mov eax, cr0\nor al, 8\nmov cr0, eax\n";
        new Rows()
                .row("#NM before the operand's fault", pm(ts + "xor eax, eax\nmov es, ax\nfld dword [es:0]"), "#NM")
                .row("#UD before the privilege", pm(atUser("db 0xf0, 0x0f, 0x22, 0xc0")), "#UD")
                .row("privilege before the operand", pm(atUser("xor eax, eax\nmov es, ax\nlgdt [es:0]")), "#GP(0)")
                .row("undefined control register", pm("db 0x0f, 0x20, 0xc8"), "#UD")
                .row("undefined control register at CPL 3", pm(atUser("db 0x0f, 0x20, 0xc8")), "#UD")
                .row(
                        "code breakpoint before #UD",
                        pm("mov eax, there\nmov dr0, eax\nmov eax, 1\nmov dr7, eax\nthere: ud2"),
                        "#DB")
                .row(
                        "RF suppresses the breakpoint",
                        pm("mov eax, there\n"
                                + "mov dr0, eax\n"
                                + "mov eax, 1\n"
                                + "mov dr7, eax\n"
                                + "push 0x10002\n"
                                + "push 8\n"
                                + "push there\n"
                                + "iretd\n"
                                + "there: ud2"),
                        "#UD")
                .row(
                        "data breakpoint is a trap",
                        pm("mov eax, 0x9000\n"
                                        + "mov dr0, eax\n"
                                        + "mov eax, 0xd0001\n"
                                        + "mov dr7, eax\n"
                                        + "mov ebx, 5\n"
                                        + "mov [0x9000], ebx\n"
                                        + "ud2")
                                .gate(1, Probe.gateTo("seen", 8, 0x8e, false))
                                .data("seen: mov eax, [0x9000]\njmp value"),
                        "=5")
                .row(
                        "no trap if the instruction faults",
                        pm("mov eax, 0x9000\n"
                                + "mov dr0, eax\n"
                                + "mov eax, 0xf0001\n"
                                + "mov dr7, eax\n"
                                + "push 0\n"
                                + "pop es\n"
                                + "mov edi, 0\n"
                                + "mov esi, 0x9000\n"
                                + "movsb"),
                        "#GP(0)")
                .row("single step", pm("pushfd\nor dword [esp], 0x100\npopfd\nud2"), "#UD")
                .row("single step after NOP", pm("pushfd\nor dword [esp], 0x100\npopfd\nnop\nud2"), "#DB")
                .row(
                        "MOV SS holds a step back",
                        pm("mov ecx, 0x10\npushfd\nor dword [esp], 0x100\npopfd\nmov ss, cx\nmov ebx, 7\nud2")
                                .gate(1, Probe.gateTo("seen", 8, 0x8e, false))
                                .data("seen: mov eax, ebx\njmp value"),
                        "=7")
                .row("general detect", pm("mov eax, 0x2000\nmov dr7, eax\nmov eax, dr0"), "#DB")
                .check();
    }
}
