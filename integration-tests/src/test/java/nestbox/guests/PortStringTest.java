package nestbox.guests;

import static nestbox.guests.SegmentationTest.atUser;

import org.junit.jupiter.api.Test;

/** INS and OUTS, alone and repeated, and I/O permission (SDM Vol. 1, "Input/Output"; Vol. 2, "INS", "OUTS"). */
class PortStringTest {
    /** A four-byte register of the test device. */
    private static final String SCRATCH = "mov dx, 0xe0\n";

    private static Probe pm(String body) {
        return Probe.protectedMode(body);
    }

    private static final String UNMAPPED = """
        mov edi, 0x300000
        mov eax, 0x83
        stosd
        xor eax, eax
        mov ecx, 1023
        rep stosd
        mov eax, cr4
        or al, 0x10
        mov cr4, eax
        mov eax, 0x300000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        """;

    @Test
    void dataAndRegisters() {
        String values = "mov dword [0x9000], 0x11223344\nmov esi, 0x9000\nmov edi, 0x9100\n";
        new Rows()
                .row("OUTSB", pm(values + SCRATCH + "outsb\nin eax, dx\nmovzx eax, al\njmp value"), "=44")
                .row("OUTSW", pm(values + SCRATCH + "outsw\nin ax, dx\njmp value"), "=3344")
                .row("OUTSD", pm(values + SCRATCH + "outsd\nin eax, dx\nshr eax, 16\njmp value"), "=1122")
                .row("OUTS moves ESI", pm(values + SCRATCH + "outsd\nmov eax, esi\njmp value"), "=9004")
                .row("backwards", pm(values + SCRATCH + "std\noutsw\nmov eax, esi\njmp value"), "=8ffe")
                .row("INSW", pm(values + SCRATCH + "outsd\ninsw\nmov eax, [0x9100]\njmp value"), "=3344")
                .row("INSD moves EDI", pm(values + SCRATCH + "insd\nmov eax, edi\njmp value"), "=9104")
                .row(
                        "REP INSB",
                        pm(values + SCRATCH
                                + "outsd\nmov ecx, 5\nrep insb\nmovzx eax, byte [0x9104]\nadd eax, ecx\njmp value"),
                        "=44")
                .row("REP with 0", pm(values + SCRATCH + "xor ecx, ecx\nrep outsb\nmov eax, esi\njmp value"), "=9000")
                .row(
                        "16-bit addresses",
                        pm("mov esi, 0xffff\nmov byte [0xffff], 9\n" + SCRATCH + "a16 outsb\nmov eax, esi\njmp value"),
                        "=0")
                .row(
                        "16-bit count",
                        pm("mov esi, 0x9000\nmov ecx, 0x10002\n" + SCRATCH
                                + "a16 rep outsb\nshr ecx, 16\nmov eax, ecx\njmp value"),
                        "=1")
                .row(
                        "a segment override for OUTS",
                        pm("mov eax, 0x60\nmov fs, ax\nmov byte [0x9505], 0x5a\nmov esi, 5\n" + SCRATCH
                                        + "fs outsb\nin al, dx\nmovzx eax, al\njmp value")
                                .descriptor(0, Probe.descriptor(0x9500, 0xff, 0x93, 4)),
                        "=5a")
                .row(
                        "none for INS",
                        pm("mov eax, 0x60\nmov fs, ax\nmov edi, 0x9800\nmov eax, 0x31\n" + SCRATCH
                                        + "out dx, al\nfs insb\nmovzx eax, byte [0x9800]\njmp value")
                                .descriptor(0, Probe.descriptor(0x9500, 0xff, 0x93, 4)),
                        "=31")
                .row(
                        "64-bit mode",
                        Probe.longMode("mov rsi, 0x9000\nmov dword [rsi], 0x7788\n" + SCRATCH
                                + "outsd\nin eax, dx\njmp value"),
                        "=7788")
                .row(
                        "64-bit mode, REX.W does not widen",
                        Probe.longMode("mov rsi, 0x9000\n" + SCRATCH + "db 0x48\noutsd\nmov eax, esi\njmp value"),
                        "=9004")
                .check();
    }

    @Test
    void faults() {
        String seen = "seen: mov eax, %s\njmp value";
        String limit = "mov eax, 0x60\nmov es, ax\nmov ds, ax\n";
        long small = Probe.descriptor(0x9000, 0xf, 0x93, 4);
        new Rows()
                .row(
                        "INS beyond the limit",
                        pm(limit + "mov edi, 0xe\n" + SCRATCH + "insd").descriptor(0, small),
                        "#GP(0)")
                .row(
                        "OUTS beyond the limit",
                        pm(limit + "mov esi, 0x10\n" + SCRATCH + "outsb").descriptor(0, small),
                        "#GP(0)")
                .row(
                        "REP INSB stops at the limit",
                        pm(limit + "mov edi, 0xd\nmov ecx, 9\n" + SCRATCH + "rep insb")
                                .descriptor(0, small)
                                .gate(13, Probe.gateTo("seen", 8, 0x8e, false))
                                .data(seen.formatted("ecx")),
                        "=6")
                .row(
                        "REP INSB stops at the page",
                        pm(UNMAPPED + "mov edi, 0x3ffffd\nmov ecx, 9\n" + SCRATCH + "rep insb")
                                .gate(14, Probe.gateTo("seen", 8, 0x8e, false))
                                .data(seen.formatted("ecx")),
                        "=6")
                .row(
                        "and EDI is at it",
                        pm(UNMAPPED + "mov edi, 0x3ffffd\nmov ecx, 9\n" + SCRATCH + "rep insb")
                                .gate(14, Probe.gateTo("seen", 8, 0x8e, false))
                                .data(seen.formatted("edi").replace("jmp", "shr eax, 8\njmp")),
                        "=4000")
                .row(
                        "REP OUTSW stops at the page",
                        pm(UNMAPPED + "mov esi, 0x3ffffc\nmov ecx, 9\n" + SCRATCH + "rep outsw")
                                .gate(14, Probe.gateTo("seen", 8, 0x8e, false))
                                .data(seen.formatted("ecx")),
                        "=7")
                .row("a word across the page", pm(UNMAPPED + "mov edi, 0x3fffff\n" + SCRATCH + "insw"), "#PF(2)")
                .row(
                        "a read-only page",
                        pm(UNMAPPED
                                + "mov dword [0x300008], 0x81\n"
                                + "mov eax, cr0\n"
                                + "or eax, 0x10000\n"
                                + "mov cr0, eax\n"
                                + "mov edi, 0x800000\n"
                                + SCRATCH + "insb"),
                        "#PF(3)")
                .check();
    }

    @Test
    void permission() {
        String allow = "and byte [iomap + 0x1c], 0xfe\n";
        String user = atUser(SCRATCH + "mov esi, 0x9000\noutsb");
        String wide = atUser(SCRATCH + "mov esi, 0x9000\noutsw");
        new Rows()
                .row("bit set", pm(user), "#GP(0)")
                .row("bit clear", pm(allow + user), "ok")
                .row("a word needs two bits", pm(allow + wide), "#GP(0)")
                .row("both clear", pm("and byte [iomap + 0x1c], 0xfc\n" + wide), "ok")
                .row("IOPL 3", pm(user.replace("push 2\n", "push 0x3002\n")), "ok")
                .row("the map lies beyond the TSS", pm(allow + "mov word [tss + 0x66], 0x3000\n" + user), "#GP(0)")
                .row(
                        "permission before the operand's fault",
                        pm(atUser(SCRATCH + "xor eax, eax\nmov es, ax\ninsb")),
                        "#GP(0)")
                .check();
    }
}
