package nestbox.guests;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import nestbox.core.trace.HashSink;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.CpuModel;

/**
 * A guest that does one thing and tells how it ended: a few lines of assembly behind a frame that sets up descriptor tables,
 * handlers for the exceptions, a task state segment and page tables. The body ends by
 *
 * <ul>
 *   <li>{@code jmp done} (from user code {@code int 0x80}), reported as {@code ok},
 *   <li>{@code jmp value} with a number in EAX (from user code {@code int 0x81}), reported as {@code =} and the number, of which
 *       16 bits count,
 *   <li>an exception, reported as {@code #GP(10)}, error codes in hexadecimal and only where there is one,
 *   <li>a triple fault, reported as {@code shutdown}.
 * </ul>
 *
 * Every run is made by both engines, which must agree to the last register.
 */
final class Probe {
    static final int CODE32 = 0x08;
    static final int DATA32 = 0x10;
    static final int CODE64 = 0x18;
    static final int USER_CODE32 = 0x23;
    static final int USER_DATA32 = 0x2b;
    static final int USER_CODE64 = 0x33;
    static final int TSS = 0x38;
    static final int CODE16 = 0x48;
    static final int DATA16 = 0x50;
    /** The first of eight descriptors of the test's own. */
    static final int OWN = 0x60;

    /** Where code of {@link #low} lies. */
    static final int LOW = 0x8000;

    static final int STACK = 0x90000;
    static final int KERNEL_STACK = 0xa0000 - 0x1000;
    static final int TABLES = 0x200000;

    private static final int LOAD = 0x100000;
    private static final int OWN_SLOTS = 8;
    private static final int VECTORS = 0x82;
    private static final List<Integer> WITH_ERROR_CODE = List.of(8, 10, 11, 12, 13, 14, 17, 21);
    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry(0, "#DE"),
            Map.entry(1, "#DB"),
            Map.entry(2, "NMI"),
            Map.entry(3, "#BP"),
            Map.entry(4, "#OF"),
            Map.entry(5, "#BR"),
            Map.entry(6, "#UD"),
            Map.entry(7, "#NM"),
            Map.entry(8, "#DF"),
            Map.entry(10, "#TS"),
            Map.entry(11, "#NP"),
            Map.entry(12, "#SS"),
            Map.entry(13, "#GP"),
            Map.entry(14, "#PF"),
            Map.entry(16, "#MF"),
            Map.entry(17, "#AC"),
            Map.entry(19, "#XM"),
            Map.entry(21, "#CP"));

    private static final String HEADER = """
            dd 0x1badb002, 0x10000, 0xe4514ffe
            dd 0x100000, 0x100000, 0, 0, start
        start:
            mov esp, 0x90000
            lgdt [gdt_pointer]
            lidt [idt_pointer]
            jmp 8:flat
        flat:
            mov eax, 0x10
            mov ds, ax
            mov es, ax
            mov ss, ax
            mov fs, ax
            mov gs, ax
        """;

    private static final String LONG_MODE = """
            mov eax, cr4
            or eax, 0x620
            mov cr4, eax
            mov eax, 0x200000
            mov cr3, eax
            mov ecx, 0xc0000080
            rdmsr
            or eax, 0x901
            wrmsr
            mov eax, cr0
            or eax, 0x80000000
            mov cr0, eax
            jmp 0x18:long_mode
            bits 64
        long_mode:
            lgdt [gdt_pointer]
            lidt [idt_pointer]
        """;

    private final boolean longMode;
    private String model = "max";
    private String body = "";
    private String data = "";
    private final long[] own = new long[OWN_SLOTS];
    private final Map<Integer, String> gates = new TreeMap<>();
    private final List<byte[]> low = new ArrayList<>();
    private Consumer<PhysicalMemory> preparation = memory -> {};
    private boolean fiveLevels;
    private long budget = 200_000;
    private byte[] image;
    private Machine last;

    private Probe(boolean longMode) {
        this.longMode = longMode;
    }

    /** The body runs in 32-bit protected mode without paging, CPL 0. */
    static Probe protectedMode(String body) {
        Probe probe = new Probe(false);
        probe.body = body;
        return probe;
    }

    /** The body runs in 64-bit mode, CPL 0; the first GiB is mapped to itself for supervisor and user. */
    static Probe longMode(String body) {
        Probe probe = new Probe(true);
        probe.body = body;
        return probe;
    }

    Probe model(String name) {
        model = name;
        return this;
    }

    /** Puts a descriptor at selector {@code OWN + 8 * slot}. */
    Probe descriptor(int slot, long value) {
        own[slot] = value;
        return this;
    }

    /** The gate of a vector in place of the one that reports: eight or sixteen bytes of data directives. */
    Probe gate(int vector, String directives) {
        gates.put(vector, directives);
        return this;
    }

    /** Source behind the body: data, handlers. */
    Probe data(String source) {
        data = source;
        return this;
    }

    /** 16-bit code at {@value #LOW}, reached by real-mode or virtual-8086 addresses. */
    Probe low(String source) {
        low.add(Asm.assemble(16, LOW, source));
        return this;
    }

    /** What the test itself puts into memory before the guest starts, behind the page tables. */
    Probe memory(Consumer<PhysicalMemory> action) {
        preparation = action;
        return this;
    }

    /** 64-bit mode with 5-level paging. */
    Probe fiveLevels() {
        fiveLevels = true;
        return this;
    }

    Probe budget(long instructions) {
        budget = instructions;
        return this;
    }

    /** A segment descriptor: access byte, and the flags G, D/B, L, AVL as a nibble. */
    static long descriptor(long base, long limit, int access, int flags) {
        return limit & 0xffff
                | (base & 0xffffff) << 16
                | (long) access << 40
                | (limit >>> 16 & 15) << 48
                | (long) flags << 52
                | (base >>> 24) << 56;
    }

    /** A gate's first eight bytes. */
    static long gate(int selector, long offset, int access, int parameters) {
        return offset & 0xffff
                | (long) selector << 16
                | (long) parameters << 32
                | (long) access << 40
                | (offset >>> 16 & 0xffff) << 48;
    }

    /** The machine of the last run, to look into. */
    Machine machine() {
        return last;
    }

    /** Runs on both engines; see the class for the words. */
    String run() {
        Result blocks = run(64, "keep");
        assertThat(run(0, "keep")).as("the reference engine").isEqualTo(blocks);
        return blocks.outcome;
    }

    /** How a run ended, the SHA-256 of its trace and of its last state. */
    record Result(String outcome, String trace, String state) {}

    /** Runs on one engine: the reference engine for a block size of 0. */
    Result run(int blockSize, String policy) {
        if (image == null) {
            image = Asm.assemble(32, LOAD, source());
        }
        MachineConfig.Builder config = MachineConfig.builder(CpuModel.parse(model))
                .memoryBytes(8 << 20)
                .tlbPolicy(policy);
        config = blockSize == 0 ? config.engine(MachineConfig.Engine.REFERENCE) : config.blockSize(blockSize);
        last = new Machine(config.build());
        HashSink sink = new HashSink();
        last.trace().addSink(sink);
        last.load(new ImageFile("probe", image), "", List.of());
        fill(last.memory());
        preparation.accept(last.memory());
        String outcome = text(last.run(budget));
        return new Result(outcome, sink.hash(), last.digest());
    }

    private static String text(Outcome outcome) {
        return switch (outcome.kind()) {
            case DEBUG_EXIT -> result((int) outcome.code());
            case SHUTDOWN -> "shutdown";
            default -> outcome.kind() + " " + outcome.detail();
        };
    }

    private static String result(int code) {
        int kind = code >>> 16 & 0xff;
        if (kind == 0x80) {
            return "ok";
        }
        if (kind == 0x81) {
            return String.format("=%x", code & 0xffff);
        }
        String name = NAMES.getOrDefault(kind, "vector " + Integer.toHexString(kind));
        return WITH_ERROR_CODE.contains(kind) ? String.format("%s(%x)", name, code & 0xffff) : name;
    }

    private void fill(PhysicalMemory memory) {
        for (byte[] code : low) {
            memory.copyIn(LOW, code, 0, code.length);
        }
        memory.write(TABLES - 0x1000, 8, TABLES + 7);
        memory.write(TABLES, 8, TABLES + 0x1007);
        memory.write(TABLES + 0x1000, 8, TABLES + 0x2007);
        for (int i = 0; i < 512; i++) {
            memory.write(TABLES + 0x2000 + 8L * i, 8, (long) i << 21 | 0x87);
        }
    }

    private String source() {
        StringBuilder text = new StringBuilder(HEADER);
        String wide = fiveLevels ? LONG_MODE.replace("0x620", "0x1620").replace("0x200000", "0x1ff000") : LONG_MODE;
        text.append(longMode ? wide : "").append("mov eax, 0x38\nltr ax\n").append(body);
        text.append(longMode ? "\nbits 64" : "\nbits 32").append("\ndone: mov eax, 0x800000\njmp report\n");
        text.append("value: and eax, 0xffff\nor eax, 0x810000\n");
        text.append("report: mov dx, 0xf4\nout dx, eax\nhlt\n");
        for (int vector = 0; vector < VECTORS; vector++) {
            text.append("stub").append(vector).append(":\n").append(stub(vector));
        }
        text.append("bits 32\n").append(data).append('\n');
        tables(text);
        return text.toString();
    }

    private String stub(int vector) {
        if (vector == 0x80) {
            return "jmp done\n";
        }
        if (vector == 0x81) {
            return "jmp value\n";
        }
        String code = WITH_ERROR_CODE.contains(vector) ? "pop " + (longMode ? "rax" : "eax") : "xor eax, eax";
        return code + "\nand eax, 0xffff\nor eax, " + (vector << 16) + "\njmp report\n";
    }

    private void tables(StringBuilder text) {
        text.append("align 16\ngdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff\n")
                .append("dq 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff\n")
                .append(longMode ? "dw 0x67\n" : "dw 0x2067\n")
                .append("dw tss & 0xffff\ndb tss >> 16, 0x89, 0, 0\ndq 0\n")
                .append("dq 0x00009b000000ffff, 0x000093000000ffff, 0\n");
        for (long descriptor : own) {
            text.append("dq ").append(descriptor).append('\n');
        }
        text.append("gdt_end:\ngdt_pointer: dw gdt_end - gdt - 1\ndq gdt\n")
                .append("idt_pointer: dw idt_end - idt - 1\ndq idt\nalign 16\nidt:\n");
        for (int vector = 0; vector < VECTORS; vector++) {
            boolean user = vector == 3 || vector == 4 || vector >= 0x80;
            String own = gates.get(vector);
            text.append(own != null ? own : gateTo("stub" + vector, longMode ? CODE64 : CODE32, user ? 0xee : 0x8e))
                    .append('\n');
        }
        text.append("idt_end:\nalign 16\ntss:\n");
        if (longMode) {
            text.append("dd 0\ndq ")
                    .append(KERNEL_STACK)
                    .append(", 0, 0, 0\ntimes 7 dq ")
                    .append(KERNEL_STACK - 0x2000);
            text.append("\ndq 0\ndw 0, 0x68\n");
        } else {
            text.append("dd 0, ").append(KERNEL_STACK).append(", 0x10\ntimes 22 dd 0\ndw 0, iomap - tss\n");
        }
        text.append("iomap: times 0x2000 db 0xff\ndb 0xff\n");
    }

    /** Data directives for an interrupt gate of this probe's mode. */
    private String gateTo(String label, int selector, int access) {
        return gateTo(label, selector, access, longMode);
    }

    /** Data directives for an interrupt or trap gate. */
    static String gateTo(String label, int selector, int access, boolean wide) {
        return "dw " + label + " & 0xffff, " + selector + ", " + (access << 8) + ", " + label + " >> 16"
                + (wide ? "\ndq 0" : "");
    }
}
