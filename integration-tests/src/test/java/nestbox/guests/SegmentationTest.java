package nestbox.guests;

import static nestbox.guests.Probe.descriptor;

import org.junit.jupiter.api.Test;

/**
 * Segment limits, types and privileges (SDM Vol. 3, "Protection": "Limit Checking", "Type Checking", "Privilege Levels";
 * Vol. 2, "MOV", "JMP", "CALL", "RET").
 */
class SegmentationTest {
    private static final int DATA = 0x93;
    private static final int CODE = 0x9b;
    private static final int BIG = 4;
    private static final int PAGES = 8;

    private static Probe with(long descriptor, String body) {
        return Probe.protectedMode(body).descriptor(0, descriptor);
    }

    private static Probe loads(String register, int access, int rpl) {
        return with(
                descriptor(0, 0xfffff, access, BIG | PAGES),
                "mov eax, 0x%x\nmov %s, ax".formatted(0x60 | rpl, register));
    }

    /** Leaves CPL 0 by IRET; the code at {@code user} runs at CPL 3 with flat segments. */
    static String atUser(String code) {
        return """
            push 0x2b
            push 0x88000
            push 2
            push 0x23
            push user
            iretd
            user:
            mov eax, 0x2b
            mov ds, ax
            mov es, ax
            """ + code + "\nint 0x80\n";
    }

    @Test
    void loadsOfDataSegments() {
        new Rows()
                .row("writable data", loads("ds", 0x93, 0), "ok")
                .row("read-only data", loads("ds", 0x91, 0), "ok")
                .row("expand-down data", loads("ds", 0x97, 0), "ok")
                .row("readable code", loads("ds", 0x9b, 0), "ok")
                .row("execute-only code", loads("ds", 0x99, 0), "#GP(60)")
                .row("conforming, readable", loads("ds", 0x9f, 0), "ok")
                .row("conforming, execute-only", loads("ds", 0x9d, 0), "#GP(60)")
                .row("system segment", loads("ds", 0x82, 0), "#GP(60)")
                .row("RPL above DPL", loads("ds", 0x93, 3), "#GP(60)")
                .row("RPL above DPL, conforming", loads("ds", 0x9f, 3), "ok")
                .row("RPL 3, DPL 3", loads("ds", 0xf3, 3), "ok")
                .row("not present", loads("gs", 0x13, 0), "#NP(60)")
                .row("privilege before presence", loads("gs", 0x13, 3), "#GP(60)")
                .row("null", Probe.protectedMode("xor eax, eax\nmov ds, ax\nmov es, ax"), "ok")
                .row("null with RPL", Probe.protectedMode("mov eax, 3\nmov fs, ax"), "ok")
                .row("use of null", Probe.protectedMode("xor eax, eax\nmov ds, ax\nmov al, [0x500]"), "#GP(0)")
                .row("beyond the GDT", Probe.protectedMode("mov eax, 0xf03\nmov ds, ax"), "#GP(f00)")
                .row("no LDT", Probe.protectedMode("xor eax, eax\nlldt ax\nmov eax, 0xc\nmov ds, ax"), "#GP(c)")
                .row("CS", Probe.protectedMode("db 0x8e, 0xc8"), "#UD")
                .check();
    }

    @Test
    void loadsOfStackSegments() {
        new Rows()
                .row("writable data", loads("ss", 0x93, 0), "ok")
                .row("read-only data", loads("ss", 0x91, 0), "#GP(60)")
                .row("code", loads("ss", 0x9b, 0), "#GP(60)")
                .row("RPL", loads("ss", 0x93, 1), "#GP(60)")
                .row("DPL", loads("ss", 0xb3, 0), "#GP(60)")
                .row("not present", loads("ss", 0x13, 0), "#SS(60)")
                .row("privilege before presence", loads("ss", 0x33, 0), "#GP(60)")
                .row("null", Probe.protectedMode("xor eax, eax\nmov ss, ax"), "#GP(0)")
                .check();
    }

    @Test
    void loadsAtUserLevel() {
        new Rows()
                .row("DPL 0", Probe.protectedMode(atUser("mov eax, 0x10\nmov es, ax")), "#GP(10)")
                .row("DPL 3", Probe.protectedMode(atUser("mov eax, 0x28\nmov es, ax")), "ok")
                .row("stack of DPL 0", Probe.protectedMode(atUser("mov eax, 0x13\nmov ss, ax")), "#GP(10)")
                .row(
                        "conforming code of DPL 0",
                        with(descriptor(0, 0xfffff, 0x9f, 12), atUser("mov eax, 0x63\nmov es, ax")),
                        "ok")
                .row("IRET made the kernel's segments null", Probe.protectedMode(atUser("mov eax, gs\nint 0x81")), "=0")
                .check();
    }

    private static Probe at(long descriptor, String access) {
        return with(descriptor, "mov eax, 0x60\nmov es, ax\n" + access);
    }

    @Test
    void limits() {
        long bytes = descriptor(0x8000, 0xfff, DATA, BIG);
        long pages = descriptor(0x8000, 0, DATA, BIG | PAGES);
        long down = descriptor(0x8000, 0xfff, 0x97, BIG);
        long down16 = descriptor(0x8000, 0xfff, 0x97, 0);
        new Rows()
                .row("last byte", at(bytes, "mov al, [es:0xfff]"), "ok")
                .row("first byte beyond", at(bytes, "mov al, [es:0x1000]"), "#GP(0)")
                .row("last word", at(bytes, "mov ax, [es:0xffe]"), "ok")
                .row("word across", at(bytes, "mov ax, [es:0xfff]"), "#GP(0)")
                .row("dword across", at(bytes, "mov eax, [es:0xffd]"), "#GP(0)")
                .row("offset wraps", at(bytes, "mov eax, [es:0xfffffffe]"), "#GP(0)")
                .row("eight bytes", at(bytes, "fld qword [es:0xff9]"), "#GP(0)")
                .row("pages: last", at(pages, "mov eax, [es:0xffc]"), "ok")
                .row("pages: beyond", at(pages, "mov al, [es:0x1000]"), "#GP(0)")
                .row("down: at the limit", at(down, "mov al, [es:0xfff]"), "#GP(0)")
                .row("down: above", at(down, "mov al, [es:0x1000]"), "ok")
                .row("down: top", at(down, "mov eax, [es:0xfffffffc]"), "ok")
                .row("down: across the top", at(down, "mov eax, [es:0xfffffffd]"), "#GP(0)")
                .row("16-bit down: top", at(down16, "mov ax, [es:0xfffe]"), "ok")
                .row("16-bit down: across", at(down16, "mov ax, [es:0xffff]"), "#GP(0)")
                .row("16-bit down: beyond", at(down16, "mov al, [es:0x10000]"), "#GP(0)")
                .row("stack", with(bytes, "mov eax, 0x60\nmov ss, ax\nmov al, [ss:0x1000]"), "shutdown")
                .row("string", at(bytes, "mov edi, 0xffe\nmov ecx, 3\nrep stosb"), "#GP(0)")
                .row("code", with(descriptor(0x100000, 0x10, CODE, BIG), "jmp 0x60:0x20"), "#GP(0)")
                .check();
    }

    @Test
    void types() {
        String cs = "jmp 0x60:there\nthere:\n";
        new Rows()
                .row("write to read-only data", at(descriptor(0, 0xfffff, 0x91, 12), "mov [es:0x9000], al"), "#GP(0)")
                .row("write to code", at(descriptor(0, 0xfffff, 0x9b, 12), "mov [es:0x9000], al"), "#GP(0)")
                .row("write through CS", Probe.protectedMode("mov [cs:0x9000], al"), "#GP(0)")
                .row("read-modify-write", at(descriptor(0, 0xfffff, 0x91, 12), "inc byte [es:0x9000]"), "#GP(0)")
                .row("read of readable CS", with(descriptor(0, 0xfffff, 0x9b, 12), cs + "mov al, [cs:0x9000]"), "ok")
                .row(
                        "read of execute-only CS",
                        with(descriptor(0, 0xfffff, 0x99, 12), cs + "mov al, [cs:0x9000]"),
                        "#GP(0)")
                .row(
                        "a load sets the accessed bit",
                        at(descriptor(0, 0xfffff, 0x92, 12), "movzx eax, byte [gdt + 0x65]\njmp value"),
                        "=93")
                .row(
                        "a refused load does not",
                        Probe.protectedMode("mov eax, 0x63\nmov es, ax")
                                .descriptor(0, descriptor(0, 0, 0x92, 12))
                                .gate(13, Probe.gateTo("peek", 8, 0x8e, false))
                                .data("peek: movzx eax, byte [gdt + 0x65]\njmp value"),
                        "=92")
                .check();
    }

    private static Probe jumps(int access, int selector) {
        return with(
                descriptor(0, 0xfffff, access, 12),
                "jmp 0x%x:there\nthere: mov eax, cs\njmp value".formatted(selector));
    }

    private static Probe userJumps(int access, int selector) {
        String code = "jmp 0x%x:there\nthere: mov eax, cs\nint 0x81".formatted(selector);
        return with(descriptor(0, 0xfffff, access, 12), atUser(code));
    }

    @Test
    void farJumps() {
        new Rows()
                .row("same level", jumps(0x9b, 0x60), "=60")
                .row("RPL above CPL", jumps(0x9b, 0x63), "#GP(60)")
                .row("conforming, RPL does not matter", jumps(0x9f, 0x63), "=60")
                .row("outer level", jumps(0xfb, 0x60), "#GP(60)")
                .row("conforming of an outer level", jumps(0xff, 0x60), "#GP(60)")
                .row("data", jumps(0x93, 0x60), "#GP(60)")
                .row("not present", jumps(0x1b, 0x60), "#NP(60)")
                .row("null", jumps(0x9b, 3), "#GP(0)")
                .row("beyond the GDT", jumps(0x9b, 0xff8), "#GP(ff8)")
                .row("inner level", userJumps(0x9b, 0x60), "#GP(60)")
                .row("inner level, RPL 3", userJumps(0x9b, 0x63), "#GP(60)")
                .row("conforming of an inner level: CPL stays", userJumps(0x9f, 0x60), "=63")
                .row("own level, RPL 0", userJumps(0xfb, 0x60), "=63")
                .row("available interrupt gate", jumps(0x8e, 0x60), "#GP(60)")
                .check();
    }

    /** A call gate at 0x60 and the procedure behind it, which tells CS, and what it finds on its stack. */
    private static Probe calls(String transfer, int target, int access, int parameters) {
        String code = "push 0x1234\n" + transfer + " 0x60:0";
        return Probe.protectedMode(
                        "mov ebx, [gate]\nmov [gdt + 0x60], ebx\nmov ebx, [gate + 4]\nmov [gdt + 0x64], ebx\n"
                                + atUser(code))
                .data("""
                    gate: dw procedure & 0xffff, %d
                        db %d, %d
                        dw procedure >> 16
                    procedure: mov eax, cs
                        add eax, [esp + 8]
                        jmp value
                    """.formatted(target, parameters, access));
    }

    @Test
    void callGates() {
        new Rows()
                .row("inner level, a parameter is copied", calls("call", 8, 0xec, 1), "=123c")
                .row("gate of DPL 0", calls("call", 8, 0x8c, 0), "#GP(60)")
                .row("gate not present", calls("call", 8, 0x6c, 0), "#NP(60)")
                .row("to data", calls("call", 0x10, 0xec, 0), "#GP(10)")
                .row("to null", calls("call", 0, 0xec, 0), "#GP(0)")
                .row("RPL of the gate's selector does not matter", calls("call", 0xb, 0xec, 1), "=123c")
                .row("a jump cannot change the level", calls("jmp", 8, 0xec, 0), "#GP(8)")
                .row("to the own level", calls("jmp", 0x23, 0xec, 0), "#GP(0)")
                .check();
    }

    @Test
    void returns() {
        String outward = "push 0x2b\npush 0x88000\npush 0x23\npush outside\nretf\noutside: mov eax, ds\nint 0x81";
        new Rows()
                .row("outward: DPL 0 data becomes null", Probe.protectedMode(outward), "=0")
                .row("to an inner level", Probe.protectedMode(atUser("push 8\npush done\nretf")), "#GP(8)")
                .row(
                        "outward with a stack of another level",
                        Probe.protectedMode("push 0x10\npush 0x88000\npush 0x23\npush done\nretf"),
                        "#GP(10)")
                .row("to null", Probe.protectedMode("push 0\npush done\nretf"), "#GP(0)")
                .row("beyond the limit", with(descriptor(0, 0x100, 0x9b, BIG), "push 0x60\npush 0x200\nretf"), "#GP(0)")
                .row(
                        "IRET with NT and a null link",
                        Probe.protectedMode("pushfd\nor dword [esp], 0x4000\npopfd\niretd"),
                        "#TS(0)")
                .check();
    }
}
