package nestbox.testkit.differential;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Assembly;

/** The interpreter's image for one word size, and everything that a case puts into memory beside it. */
final class CaseImage {
    private static final int FAULTS = 22;
    /** Vectors that push an error code. */
    private static final int WITH_ERROR = 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21;

    private static final int CODE32 = 0x08;
    private static final int CODE64 = 0x18;
    private static final byte[] TRAMPOLINE = Asm.assemble(16, Layout.TRAMPOLINE, """
            xor ax, ax
            mov ds, ax
            lgdt [0x5200]
            mov eax, cr0
            or al, 1
            mov cr0, eax
            db 0x66, 0xea
            dd 0x8040
            dw 8
            align 64
            bits 32
            mov eax, 0x10
            mov ds, ax
            mov ebp, 1
            mov eax, 0x100020
            jmp eax
            """);

    /** To the 32-bit code segment, and so to compatibility mode; SS is null after an interrupt of CPL 3. */
    private static final String LEAVE = """
            push 8
                    mov eax, mode_32
                    push rax
                    db 0x48, 0xcb
                    bits 32
            mode_32: mov eax, 0x10
                    mov ss, ax
            """;

    private final boolean wide;
    private final Assembly program;

    CaseImage(boolean wide) {
        this(wide, resource("interpreter.asm"), "", "");
    }

    /**
     * @param head source of what comes before the steps
     * @param more source of operations behind those of {@link Op}
     * @param rows their labels, as rows of the table of operations
     */
    CaseImage(boolean wide, String head, String more, String rows) {
        this.wide = wide;
        String text = head + resource("steps.asm").replace("$more", rows) + more;
        program = Asm.program(32, Layout.IMAGE, constants() + narrowed(text));
    }

    static String resource(String name) {
        try (InputStream in = CaseImage.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String narrowed(String source) {
        String text = source;
        for (String register : new String[] {"ax", "bx", "cx", "dx", "si", "di"}) {
            text = text.replace("$" + register, (wide ? "r" : "e") + register);
        }
        return text.replace("$faults", faults())
                .replace("$word", wide ? "dq" : "dd")
                .replace("$bytes", wide ? "8" : "4")
                .replace("$bits", wide ? "64" : "32")
                .replace("$code", wide ? "0x18" : "8")
                .replace("$user", wide ? "0x33" : "0x23")
                .replace("$iret", wide ? "iretq" : "iret")
                .replace("$popf", wide ? "popfq" : "popf")
                .replace("$leave", wide ? LEAVE : "");
    }

    /** The code's bytes, which begin at {@link Layout#IMAGE}. */
    byte[] bytes() {
        return program.bytes();
    }

    long address(String label) {
        return program.address(label);
    }

    private static String constants() {
        return "PARAMETERS equ " + Layout.PARAMETERS + "\nTURN equ " + Layout.TURN + "\nSCRATCH equ " + Layout.SCRATCH
                + "\nGDT_POINTER equ " + Layout.GDT_POINTER + "\nIDT_POINTER equ " + Layout.IDT_POINTER
                + "\nSTACKS equ " + Layout.STACKS + "\nSTEPS equ " + Layout.STEPS + "\nLOG equ " + Layout.LOG
                + "\nMAILBOX equ " + Layout.MAILBOX + "\nREAL equ " + Layout.REAL + "\nUSER equ " + Layout.USER
                + "\nUSER_STACK equ " + Layout.USER_STACK + "\nAPIC equ " + Layout.APIC
                + "\n";
    }

    private String faults() {
        StringBuilder text = new StringBuilder();
        for (int vector = 0; vector < FAULTS; vector++) {
            boolean error = (WITH_ERROR >>> vector & 1) != 0;
            text.append("fault").append(vector).append(": ");
            text.append(error ? "pop " + (wide ? "rax" : "eax") : "xor eax, eax");
            text.append("\nand eax, 0xffff\nor eax, ").append(vector << 16).append("\njmp report\n");
        }
        return text.toString();
    }

    /** Loads the image and the case; the machine is ready to run. */
    void load(Machine machine, Case guest) {
        machine.load(new ImageFile("differential", program.bytes()), "", List.of());
        PhysicalMemory memory = machine.memory();
        memory.write(Layout.PARAMETERS, 4, guest.root());
        memory.write(Layout.PARAMETERS + 4, 4, guest.shape().cr4());
        memory.write(Layout.PARAMETERS + 8, 4, wide ? 0x900 : 0x800);
        memory.write(Layout.PARAMETERS + 12, 4, guest.cpus());
        memory.copyIn(Layout.TRAMPOLINE, TRAMPOLINE, 0, TRAMPOLINE.length);
        surroundings(memory, guest.shape(), guest.cpus(), guest.tables());
        long at = Layout.STEPS;
        for (Step step : guest.steps()) {
            memory.write(at, 8, step.op().ordinal() + 1 | (long) step.cpu() << 16);
            memory.write(at + 8, 8, step.a());
            memory.write(at + 16, 8, step.b());
            memory.write(at + 24, 8, step.c());
            at += Step.BYTES;
        }
    }

    /** Writes what the steps need beside their code: descriptors, code of CPL 3, page tables, frames. */
    void surroundings(PhysicalMemory memory, Shape shape, int cpus, Map<Long, Long> tables) {
        descriptors(memory, cpus);
        gates(memory);
        RealMode.write(memory, address("mode_real"));
        userCode(memory);
        tables.forEach((address, value) -> memory.write(address, 4, value));
        for (int i = 0; i < Layout.FRAME_COUNT; i++) {
            frame(memory, Layout.FRAMES + 0x1000L * i, i);
        }
        for (int i = 0; i < 8; i++) {
            frame(memory, Layout.LARGE_FRAMES + (i / 4L << 21) + 0x1000L * (i % 4), 0x40 + i);
        }
    }

    private static void frame(PhysicalMemory memory, long at, int number) {
        for (int offset = Entries.FIRST_DATA; offset < Layout.CODE; offset += 8) {
            memory.write(at + offset, 8, (0x1000L + number) * 0x100010001L + offset);
        }
        memory.write(at + Layout.CODE, 1, 0xb8);
        memory.write(at + Layout.CODE + 1, 4, 0xc0de0000L + number);
        memory.write(at + Layout.CODE + 5, 1, 0xc3);
    }

    private void descriptors(PhysicalMemory memory, int cpus) {
        long[] flat = {
            0,
            0x00cf9b000000ffffL,
            0x00cf93000000ffffL,
            0x00af9b000000ffffL,
            0x00cffb000000ffffL,
            0x00cff3000000ffffL,
            0x00affb000000ffffL
        };
        for (int i = 0; i < flat.length; i++) {
            memory.write(Layout.GDT + 8L * i, 8, flat[i]);
        }
        for (int cpu = 0; cpu < cpus; cpu++) {
            long tss = Layout.TSS + 0x100L * cpu;
            long descriptor = 0x67 | (tss & 0xffffff) << 16 | 0x89L << 40;
            memory.write(Layout.GDT + 0x38 + 16L * cpu, 8, descriptor);
            memory.write(Layout.GDT + 0x40 + 16L * cpu, 8, 0);
            memory.write(tss + 4, 8, Layout.STACKS - (long) cpu * 0x4000);
            if (!wide) {
                memory.write(tss + 8, 4, 0x10);
            }
            memory.write(tss + 0x66, 2, 0x68);
        }
        memory.write(Layout.GDT + RealMode.CODE, 8, 0x00009b000000ffffL);
        memory.write(Layout.GDT + RealMode.DATA, 8, 0x000093000000ffffL);
        memory.write(Layout.GDT_POINTER, 2, 0xff);
        memory.write(Layout.GDT_POINTER + 2, 8, Layout.GDT);
        memory.write(Layout.IDT_POINTER, 2, 0xfff);
        memory.write(Layout.IDT_POINTER + 2, 8, Layout.IDT);
    }

    private void gates(PhysicalMemory memory) {
        for (int vector = 0; vector < FAULTS; vector++) {
            gate(memory, vector, "fault" + vector, 0x8e);
        }
        gate(memory, 0x80, "back", 0xee);
        gate(memory, 2, "signal", 0x8e);
        gate(memory, 0x90, "interrupt", 0x8e);
        gate(memory, 0x91, "shot", 0x8e);
        gate(memory, 0x92, "timer", 0x8e);
    }

    /** A gate of the steps' own table. */
    void gate(PhysicalMemory memory, int vector, String label, int access) {
        gate(memory, Layout.IDT, vector, label, access);
    }

    void gate(PhysicalMemory memory, long table, int vector, String label, int access) {
        long handler = address(label);
        long low = handler & 0xffff
                | (long) (wide ? CODE64 : CODE32) << 16
                | (long) access << 40
                | (handler >>> 16 & 0xffff) << 48;
        long at = table + (long) vector * (wide ? 16 : 8);
        memory.write(at, 8, low);
        if (wide) {
            memory.write(at + 8, 8, 0);
        }
    }

    private void userCode(PhysicalMemory memory) {
        byte[] bytes = program.bytes();
        int offset = (int) (address("user") - Layout.IMAGE);
        int length = (int) (address("user_end") - Layout.IMAGE) - offset;
        memory.copyIn(Layout.USER, bytes, offset, length);
    }
}
