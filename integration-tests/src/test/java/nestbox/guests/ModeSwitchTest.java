package nestbox.guests;

import org.junit.jupiter.api.Test;

/**
 * Every switch between real, protected, virtual-8086, PAE, compatibility and 64-bit mode, and what refuses one (SDM Vol. 3,
 * "Mode Switching", "Initializing IA-32e Mode", "8086 Emulation").
 */
class ModeSwitchTest {
    private static final String PAE = """
        mov dword [0x300000], 0x301001
        mov dword [0x300004], 0
        mov dword [0x301000], 0x83
        mov dword [0x301004], 0
        mov dword [0x301008], 0x200083
        mov dword [0x30100c], 0
        mov eax, cr4
        or al, 0x20
        mov cr4, eax
        mov eax, 0x300000
        mov cr3, eax
        """;
    private static final String PAGING_ON = "mov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\n";
    private static final String PAGING_OFF = "mov eax, cr0\nand eax, 0x7fffffff\nmov cr0, eax\n";
    private static final String LEGACY = """
        mov dword [0x302000], 0x83
        mov eax, cr4
        or al, 0x10
        mov cr4, eax
        mov eax, 0x302000
        mov cr3, eax
        """;
    /** EFER.LME. */
    private static final String LONG = "mov ecx, 0xc0000080\nrdmsr\nor eax, 0x100\nwrmsr\n";

    private static final String SHORT = "mov ecx, 0xc0000080\nrdmsr\nand eax, 0xfffffeff\nwrmsr\n";
    /** From 64-bit to compatibility mode, and back. */
    private static final String COMPATIBILITY = "push 8\nmov rax, compat\npush rax\nretfq\nbits 32\ncompat:\n";

    private static final String TO_64 = "jmp 0x18:wide\nbits 64\nwide:\n";
    private static final String FROM_16 = "\nmov dx, 0xf4\nout dx, eax\nhlt\n";
    private static final String VALUE_16 = "movzx eax, ax\nor eax, 0x810000" + FROM_16;

    private static Probe pm(String body) {
        return Probe.protectedMode(body);
    }

    private static Probe lm(String body) {
        return Probe.longMode(body);
    }

    @Test
    void pagingModes() {
        String efer = "mov ecx, 0xc0000080\nrdmsr\nshr eax, 8\njmp value";
        new Rows()
                .row("32-bit paging", pm(LEGACY + PAGING_ON + "mov al, [0x9000]"), "ok")
                .row("32-bit paging, unmapped", pm(LEGACY + PAGING_ON + "mov al, [0x400000]"), "#PF(0)")
                .row("PAE paging", pm(PAE + PAGING_ON + "mov al, [0x3ffff0]"), "ok")
                .row("PAE paging, no PDPTE", pm(PAE + PAGING_ON + "mov al, [0x40000000]"), "#PF(0)")
                .row(
                        "32-bit to PAE without turning paging off",
                        pm(LEGACY + "mov dword [0x302800], 0\n" + PAE.replace("mov cr3, eax", "nop")
                                + "mov eax, cr4\nand al, 0xdf\nmov cr4, eax\n" + PAGING_ON
                                + "mov eax, cr4\nor al, 0x20\nmov cr4, eax"),
                        "#GP(0)")
                .row(
                        "4-level paging: LMA",
                        pm(PAE.replace("0x301001", "0x301003")
                                + "mov dword [0x301000], 0x304003\n"
                                + "mov dword [0x304000], 0x83\n"
                                + "mov dword [0x304004], 0\n"
                                + LONG + PAGING_ON + efer),
                        "=5")
                .row("paging off again: no LMA", lm(COMPATIBILITY + PAGING_OFF + efer), "=9")
                .check();
    }

    @Test
    void refusals() {
        String cs64 = "jmp 0x60:again\nagain:\n";
        new Rows()
                .row("PG without PE", pm("mov eax, 0x80000010\nmov cr0, eax"), "#GP(0)")
                .row("NW without CD", pm("mov eax, 0x20000011\nmov cr0, eax"), "#GP(0)")
                .row("long mode without PAE", pm(LEGACY + LONG + PAGING_ON), "#GP(0)")
                .row(
                        "long mode from a segment with L",
                        pm(PAE + cs64 + LONG + PAGING_ON).descriptor(0, Probe.descriptor(0, 0xfffff, 0x9b, 14)),
                        "#GP(0)")
                .row("PAE with a bad PDPTE", pm(PAE + "mov dword [0x300008], 0x1ff\n" + PAGING_ON), "#GP(0)")
                .row("reserved bit of CR4", pm("mov eax, 0x80000000\nmov cr4, eax"), "#GP(0)")
                .row("LME while paging", lm(SHORT), "#GP(0)")
                .row("PAE off in long mode", lm("mov rax, cr4\nand al, 0xdf\nmov cr4, rax"), "#GP(0)")
                .row(
                        "paging off in 64-bit mode",
                        lm("mov rax, cr0\nmov ecx, 0x80000000\nxor rax, rcx\nmov cr0, rax"),
                        "#GP(0)")
                .row("upper half of CR0", lm("mov rax, cr0\nmov rcx, 0x100000000\nor rax, rcx\nmov cr0, rax"), "#GP(0)")
                .row("LA57 in long mode", lm("mov rax, cr4\nor eax, 0x1000\nmov cr4, rax"), "#GP(0)")
                .row("PCIDE outside long mode", pm("mov eax, cr4\nor eax, 0x20000\nmov cr4, eax"), "#GP(0)")
                .row(
                        "PCIDE with a PCID in CR3",
                        lm("mov rax, cr3\nor al, 8\nmov cr3, rax\nmov rax, cr4\nor eax, 0x20000\nmov cr4, rax"),
                        "#GP(0)")
                .row("reserved bit of EFER", pm("mov ecx, 0xc0000080\nrdmsr\nor eax, 2\nwrmsr"), "#GP(0)")
                .row("reserved bit of CR3", lm("mov rax, 0x8000000000000000\nmov cr3, rax"), "#GP(0)")
                .check();
    }

    @Test
    void compatibilityMode() {
        String back = COMPATIBILITY + TO_64;
        new Rows()
                .row("64 to 32 and back", lm(back + "mov rax, -1\nshr rax, 60\njmp value"), "=f")
                .row(
                        "32-bit code has no REX",
                        lm(COMPATIBILITY + "xor eax, eax\ndb 0x48\ninc eax\njmp 0x18:back\nbits 64\nback: jmp value"),
                        "=0")
                .row(
                        "limits count again",
                        lm(COMPATIBILITY + "mov eax, 0x60\nmov ds, ax\nmov al, [0x2000]")
                                .descriptor(0, Probe.descriptor(0, 0xfff, 0x93, 4)),
                        "#GP(0)")
                .row("an interrupt goes to 64-bit code", lm(COMPATIBILITY + "int 0x80"), "ok")
                .row(
                        "upper halves survive",
                        lm("mov r15, 0x123400000000\n" + back + "mov rax, r15\nshr rax, 32\njmp value"),
                        "=1234")
                .row(
                        "16-bit code",
                        lm("push 0x48\npush 0x8000\nretfq").low("mov ax, 0x7fff\ninc ax\nint 0x81"),
                        "=8000")
                .row(
                        "no virtual-8086 mode in long mode",
                        lm(COMPATIBILITY + "push 0x20002\npush 8\npush there\niretd\nthere: int 0x80"),
                        "ok")
                .row(
                        "down to protected mode",
                        lm(COMPATIBILITY + PAGING_OFF + SHORT.replace("0xfffffeff", "0xfffffeff")
                                + "lidt [none]\n"
                                + "mov eax, cs\n"
                                + "jmp there\n"
                                + "there: and eax, 0xffff\n"
                                + "or eax, 0x810000\n"
                                + "mov dx, 0xf4\n"
                                + "out dx, eax\n"
                                + "hlt\n"
                                + "none: dw 0\n"
                                + "dd 0"),
                        "=8")
                .row(
                        "and up again",
                        lm(COMPATIBILITY + PAGING_OFF + PAGING_ON + TO_64 + "mov eax, cs\njmp value"),
                        "=18")
                .check();
    }

    @Test
    void realMode() {
        String down = "mov eax, 0x50\nmov ds, ax\nmov es, ax\nmov ss, ax\njmp 0x48:0x8000";
        String leave = "mov eax, cr0\n"
                + "and al, 0xfe\n"
                + "mov cr0, eax\n"
                + "jmp 0:real\n"
                + "real:\n"
                + "xor ax, ax\n"
                + "mov ds, ax\n"
                + "mov ss, ax\n"
                + "mov sp, 0x7000\n";
        new Rows()
                .row(
                        "protected to real",
                        pm(down).low(leave + "mov ax, 0x1234\nmov ds, ax\nmov ax, ds\n" + VALUE_16),
                        "=1234")
                .row(
                        "segments are 16 times the selector",
                        pm("mov byte [0x12350], 0x66\n" + down)
                                .low(leave + "mov ax, 0x1234\nmov ds, ax\nmovzx ax, byte [0x10]\n" + VALUE_16),
                        "=66")
                .row(
                        "limits of protected mode stay: unreal mode",
                        pm("mov eax, 0x10\nmov fs, ax\nmov byte [0x123456], 0x42\n" + down)
                                .low(leave + "mov ebx, 0x123456\nmovzx ax, byte [fs:ebx]\n" + VALUE_16),
                        "=42")
                .row(
                        "without it, 64 Kbytes",
                        pm(down + "")
                                .low(leave
                                        + "mov word [0x34], seen\n"
                                        + "mov word [0x36], 0\n"
                                        + "lidt [cs:ivt]\n"
                                        + "mov ebx, 0x123456\n"
                                        + "mov al, [ebx]\n"
                                        + "hlt\n"
                                        + "ivt: dw 0x3ff\n"
                                        + "dd 0\n"
                                        + "seen: mov ax, 0x13\n"
                                        + VALUE_16),
                        "=13")
                .row(
                        "real to protected",
                        pm(down).low(leave
                                + "lgdt [cs:pointer]\n"
                                + "mov eax, cr0\n"
                                + "or al, 1\n"
                                + "mov cr0, eax\n"
                                + "jmp dword 8:protected\n"
                                + "pointer: dw 23\n"
                                + "dd table\n"
                                + "table: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
                                + "bits 32\n"
                                + "protected: mov eax, 0x10\n"
                                + "mov ds, ax\n"
                                + "mov eax, cs\n"
                                + "or eax, 0x810000\n"
                                + "mov dx, 0xf4\n"
                                + "out dx, eax\n"
                                + "hlt"),
                        "=8")
                .row(
                        "the long way down from 64-bit mode",
                        lm(COMPATIBILITY + PAGING_OFF + SHORT + down)
                                .low(leave + "mov ax, cs\nadd ax, 0x77\n" + VALUE_16),
                        "=77")
                .row(
                        "LMSW cannot leave protected mode",
                        pm("xor eax, eax\nlmsw ax\nsmsw eax\nand eax, 1\njmp value"),
                        "=1")
                .check();
    }

    private static final String ENTER_8086 = """
        push 0x1111
        push 0x2222
        push 0x3333
        push 0x4444
        push 0
        push 0x7000
        push FLAGS
        push 0
        push 0x8000
        iretd
        """;

    private static Probe v86(int flags, String code) {
        return pm(ENTER_8086.replace("FLAGS", "0x" + Integer.toHexString(0x20002 | flags)))
                .low(code);
    }

    @Test
    void virtual8086Mode() {
        String resume = "resume: mov eax, [esp + %d]\njmp value";
        new Rows()
                .row("segments from the frame", v86(0x3000, "mov ax, fs\nint 0x81"), "=2222")
                .row(
                        "addresses are real mode's",
                        pm("mov byte [0x44445], 0x21\n" + ENTER_8086.replace("FLAGS", "0x23002"))
                                .low("movzx ax, byte [es:5]\nint 0x81"),
                        "=21")
                .row("INT below IOPL 3", v86(0, "int 0x20"), "#GP(0)")
                .row("INT with IOPL 3", v86(0x3000, "int 0x80"), "ok")
                .row("CLI below IOPL 3", v86(0, "cli"), "#GP(0)")
                .row("CLI with IOPL 3", v86(0x3000, "cli\nint 0x80"), "ok")
                .row("PUSHF below IOPL 3", v86(0, "pushf"), "#GP(0)")
                .row("IRET below IOPL 3", v86(0, "iret"), "#GP(0)")
                .row("HLT", v86(0x3000, "hlt"), "#GP(0)")
                .row("MOV to CR0", v86(0x3000, "mov cr0, eax"), "#GP(0)")
                .row("LAR", v86(0x3000, "lar ax, bx"), "#UD")
                .row("ports by the bitmap, whatever IOPL is", v86(0x3000, "in al, 0x80"), "#GP(0)")
                .row("beyond 64 Kbytes", v86(0, "mov ebx, 0x10000\nmov al, [ebx]"), "#GP(0)")
                .row(
                        "the handler finds the segments pushed",
                        v86(0x3000, "int 0x20")
                                .gate(0x20, Probe.gateTo("resume", 8, 0xee, false))
                                .data(resume.formatted(20 + 4)),
                        "=3333")
                .row(
                        "and its own null",
                        v86(0x3000, "int 0x20")
                                .gate(0x20, Probe.gateTo("resume", 8, 0xee, false))
                                .data("resume: mov eax, ds\nmov ebx, gs\nor eax, ebx\njmp value"),
                        "=0")
                .row(
                        "VM is clear in the handler",
                        v86(0x3000, "int 0x20")
                                .gate(0x20, Probe.gateTo("resume", 8, 0xee, false))
                                .data("resume: pushfd\npop eax\nshr eax, 16\njmp value"),
                        "=0")
                .row(
                        "a handler must be of DPL 0",
                        v86(0x3000, "int 0x20").gate(0x20, Probe.gateTo("stub2", 0x23, 0xee, false)),
                        "#GP(20)")
                .row(
                        "back by IRET",
                        v86(0x3000, "int 0x20\nmov ax, gs\nint 0x81")
                                .gate(0x20, Probe.gateTo("resume", 8, 0xee, false))
                                .data("resume: iretd"),
                        "=1111")
                .row("VME: INT by the redirection bitmap", vme("int 0x21"), "=5")
                .check();
    }

    /** With CR4.VME and a clear bit in the TSS, INT 21h goes through the 8086 program's own table. */
    private static Probe vme(String code) {
        String body = """
            mov eax, cr4
            or al, 1
            mov cr4, eax
            mov word [tss + 0x66], 0x88
            mov word [0x84], 0x8100
            mov word [0x86], 0
            mov dword [0x8100], 0xcd0005b8
            mov byte [0x8104], 0x81
            mov dword [gdt + 0x38], 0x20ff
            mov ebx, tss
            mov [gdt + 0x3a], bx
            mov byte [gdt + 0x3d], 0x89
            mov edi, tss + 0x68
            xor eax, eax
            mov ecx, 8
            rep stosd
            mov byte [tss + 0x68 + 0x10], 2
            mov eax, 0x38
            ltr ax
            """;
        return pm(body + ENTER_8086.replace("FLAGS", "0x23002")).low(code);
    }
}
