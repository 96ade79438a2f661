package nestbox.guests;

import static nestbox.guests.Probe.descriptor;
import static nestbox.guests.Probe.gate;

import org.junit.jupiter.api.Test;

/** Segmentation in IA-32e mode (SDM Vol. 3, "Segment Descriptor Tables in IA-32e Mode", "IA-32e Mode Call Gates"). */
class LongModeSegmentationTest {
    /** Leaves CPL 0 by IRETQ for 64-bit code at CPL 3. */
    static String atUser(String code) {
        return """
            push 0x2b
            push 0x88000
            push 2
            push 0x33
            mov rax, user
            push rax
            iretq
            user:
            """ + code + "\nint 0x80\n";
    }

    private static final String PROCEDURE = "bits 64\nprocedure: mov eax, cs\njmp value\n";

    /** A 16-byte call gate at 0x60, whose target is filled in by the guest. */
    private static Probe gated(int target, int access, long upper, String transfer) {
        String patch = """
            mov rbx, procedure
            mov [gdt + 0x60], bx
            shr rbx, 16
            mov [gdt + 0x66], bx
            """;
        return Probe.longMode(patch + transfer)
                .descriptor(0, gate(target, 0, access, 0))
                .descriptor(1, upper)
                .descriptor(2, descriptor(0, 0xfffff, 0x9b, 12))
                .descriptor(3, descriptor(0, 0xfffff, 0x9f, 10))
                .data(PROCEDURE + "align 8\nfar: dq 0\ndw 0x60\nfar32: dd 0\ndw 0x60");
    }

    private static final String CALL = "call far dword [far32]\n";

    @Test
    void callGates() {
        new Rows()
                .row("from CPL 3 to CPL 0", gated(0x18, 0xec, 0, atUser(CALL)), "=18")
                .row("within CPL 0", gated(0x18, 0x8c, 0, CALL), "=18")
                .row("gate of DPL 0 from CPL 3", gated(0x18, 0x8c, 0, atUser(CALL)), "#GP(60)")
                .row("not present", gated(0x18, 0x6c, 0, atUser(CALL)), "#NP(60)")
                .row("type in the upper half", gated(0x18, 0xec, 1L << 40, atUser(CALL)), "#GP(60)")
                .row("offset not canonical", gated(0x18, 0xec, 0x8000, atUser(CALL)), "#GP(0)")
                .row("to 32-bit code", gated(0x70, 0xec, 0, atUser(CALL)), "#GP(70)")
                .row("to data", gated(0x10, 0xec, 0, atUser(CALL)), "#GP(10)")
                .row("to null", gated(0, 0xec, 0, atUser(CALL)), "#GP(0)")
                .row("to conforming code: CPL stays", gated(0x78, 0xec, 0, atUser(CALL)), "#GP(0)")
                .row("16-bit gate", gated(0x18, 0xe4, 0, atUser(CALL)), "#GP(60)")
                .row("task gate", gated(0x18, 0xe5, 0, atUser(CALL)), "#GP(60)")
                .row("available TSS", gated(0x18, 0xe9, 0, atUser(CALL)), "#GP(60)")
                .row(
                        "the outer stack lies on the inner one",
                        gated(0x18, 0xec, 0, atUser(CALL)).data("""
                            bits 64
                            procedure: movzx eax, word [rsp + 24]
                            jmp value
                            far32: dd 0
                            dw 0x60
                            """),
                        "=2b")
                .row(
                        "the new stack segment is null",
                        gated(0x18, 0xec, 0, atUser(CALL)).data("""
                            bits 64
                            procedure: mov eax, ss
                            jmp value
                            far32: dd 0
                            dw 0x60
                            """),
                        "=0")
                .check();
    }

    @Test
    void whatIsLeftOfSegmentation() {
        long tiny = descriptor(0x5000, 0, 0x93, 4);
        new Rows()
                .row(
                        "no limits",
                        Probe.longMode("mov eax, 0x60\nmov es, ax\nmov al, [es:0x9000]")
                                .descriptor(0, tiny),
                        "ok")
                .row("no base", Probe.longMode("""
                    mov byte [0x9000], 0x77
                    mov eax, 0x60
                    mov es, ax
                    movzx eax, byte [es:0x9000]
                    jmp value
                    """).descriptor(0, tiny), "=77")
                .row("FS has one", Probe.longMode("""
                    mov byte [0xe000], 0x55
                    mov eax, 0x60
                    mov fs, ax
                    movzx eax, byte [fs:0x9000]
                    jmp value
                    """).descriptor(0, tiny), "=55")
                .row(
                        "null data segments are usable",
                        Probe.longMode("xor eax, eax\nmov ds, ax\nmov al, [0x9000]"),
                        "ok")
                .row("null SS at CPL 0", Probe.longMode("xor eax, eax\nmov ss, ax\npush rax"), "ok")
                .row("null SS at CPL 3", Probe.longMode(atUser("mov eax, 3\nmov ss, ax")), "#GP(0)")
                .row(
                        "types are checked at loads",
                        Probe.longMode("mov eax, 0x60\nmov es, ax").descriptor(0, descriptor(0, 0, 0x99, 0)),
                        "#GP(60)")
                .row("code segments can be written through", Probe.longMode("mov [cs:0x9000], al"), "ok")
                .row("non-canonical data", Probe.longMode("mov rax, 0x800000000000\nmov al, [rax]"), "#GP(0)")
                .row("non-canonical stack", Probe.longMode("mov rbp, 0x800000000000\nmov al, [rbp]"), "#SS(0)")
                .row(
                        "non-canonical push",
                        Probe.longMode("mov rsp, 0x800000000008\npush rax")
                                .gate(12, "dw stub12 & 0xffff, 0x18, 0x8e01, stub12 >> 16\ndq 0"),
                        "#SS(0)")
                .row(
                        "non-canonical push, the handler on the same stack",
                        Probe.longMode("mov rsp, 0x800000000008\npush rax"),
                        "shutdown")
                .row(
                        "L and D together",
                        Probe.longMode("push 0x60\nmov rax, done\npush rax\nretfq")
                                .descriptor(0, descriptor(0, 0, 0x9b, 6)),
                        "#GP(60)")
                .row("PUSH ES", Probe.longMode("db 6"), "#UD")
                .row("LES", Probe.longMode("db 0xc4, 0x06, 0, 0"), "#UD")
                .row("far JMP with immediate", Probe.longMode("db 0xea, 0, 0, 0, 0, 8, 0"), "#UD")
                .row("CALL far with immediate", Probe.longMode("db 0x9a, 0, 0, 0, 0, 8, 0"), "#UD")
                .row(
                        "task gate in the IDT",
                        Probe.longMode("int 0x20").gate(0x20, "dw 0, 0x38, 0x8500, 0\ndq 0"),
                        "#GP(102)")
                .row(
                        "IDT gate to 32-bit code",
                        Probe.longMode("int 0x20").gate(0x20, Probe.gateTo("stub2", 8, 0x8e, true)),
                        "#GP(8)")
                .check();
    }

    /** In real mode IRET loads any CS and leaves privilege alone; it cannot touch VM, VIF and VIP. */
    @Test
    void realModeIret() {
        String enter = """
            mov eax, 0x50
            mov ds, ax
            mov es, ax
            mov ss, ax
            jmp 0x48:0x8000
            """;
        String body = """
            xor ax, ax
            mov ds, ax
            mov ss, ax
            mov sp, 0x7000
            %s
            """;
        String exit = "\nmov dx, 0xf4\nout dx, eax\nhlt\n";
        new Rows()
                .row(
                        "16-bit",
                        realMode(
                                enter,
                                body,
                                "push 0x0202\n"
                                        + "push 0x7f0\n"
                                        + "push there - 0x7f00\n"
                                        + "iret\n"
                                        + "there: pushf\n"
                                        + "pop ax\n"
                                        + "mov bx, cs\n"
                                        + "add ax, bx\n"
                                        + exit),
                        "=9f2")
                .row(
                        "32-bit: VM, VIF and VIP stay",
                        realMode(
                                enter,
                                body,
                                "push dword 0x1a0002\n"
                                        + "push dword 0\n"
                                        + "push dword there\n"
                                        + "iretd\n"
                                        + "there: pushfd\n"
                                        + "pop eax\n"
                                        + "shr eax, 16\n"
                                        + exit),
                        "=0")
                .row("vectors come from the IVT", realMode(enter, body, """
                    mov word [0x84], handler
                    mov word [0x86], 0
                    mov ax, 5
                    int 0x21
                    inc ax
                    """ + exit + "handler: shl ax, 4\niret"), "=51")
                .row("a word across 64 Kbytes", realMode(enter, body, """
                    mov word [0x34], handler
                    mov word [0x36], 0
                    mov bx, 0xffff
                    mov ax, [bx]
                    hlt
                    handler: mov eax, 0x77
                    """ + exit), "=77")
                .check();
    }

    private static Probe realMode(String enter, String body, String code) {
        String tagged = code.replace("mov dx, 0xf4", "movzx eax, ax\nor eax, 0x810000\nmov dx, 0xf4");
        String prefix = "mov eax, cr0\nand al, 0xfe\nmov cr0, eax\njmp 0:there0\nthere0:\n";
        return Probe.protectedMode("lidt [ivt]\n" + enter)
                .data("ivt: dw 0x3ff\ndd 0")
                .low(prefix + body.formatted(tagged));
    }
}
