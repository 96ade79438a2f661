package nestbox.fuzz;

import java.util.Arrays;
import java.util.List;
import nestbox.core.Seed;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Assembly;

/**
 * A guest of many slots of random code, in one mode. A fault, an interrupt and the end of a slot lead to the next slot with stack and
 * data segments as they were; what else a slot has done stays. After the last one the guest ends the run.
 */
final class RandomGuest {
    static final long MEMORY = 16 << 20;
    static final int SLOTS = 0x10000;
    static final int SLOT = 128;
    static final int MOST = 256;
    static final int GDT = 0x6000;
    static final int IDT = 0x7000;
    static final int TSS = 0x5800;
    static final int STACK = 0x9f000;
    static final int SCRATCH = 0xa000;
    static final long TABLES = 0x200000;
    /** Linear addresses with random page-table entries. */
    static final long WINDOW = 0x40000000L;

    private static final int NEXT16 = 0x1f000;
    private static final int TRAMPOLINE = 0x8000;
    private static final int TURN = 0x5100;
    private static final int COUNT = 0x5104;
    private static final int USER = 0x5200;
    private static final int POINTERS = 0x5110;

    /** The modes of slots. */
    enum Mode {
        REAL(16),
        FLAT(32),
        TWO_LEVEL(32),
        PAE(32),
        LONG(64);

        final int bits;

        Mode(int bits) {
            this.bits = bits;
        }

        private String enter() {
            String paging = switch (this) {
                case REAL, FLAT -> "";
                case TWO_LEVEL -> control(0x10, 0);
                case PAE -> control(0x20, 0x800);
                case LONG -> control(0x20, 0x900) + "        jmp 0x18:wide\n        bits 64\nwide:\n";
            };
            return this == REAL ? "        jmp 0x20:" + TRAMPOLINE + "\n" : paging;
        }

        private static String control(int cr4, int efer) {
            return "        mov eax, " + cr4 + "\n        mov cr4, eax\n        mov eax, " + TABLES
                    + "\n        mov cr3, eax\n        mov ecx, 0xc0000080\n        mov eax, " + efer
                    + "\n        xor edx, edx\n" + (efer == 0 ? "" : "        wrmsr\n")
                    + "        mov eax, 0x80000033\n        mov cr0, eax\n";
        }
    }

    private static final String START = """
                    bits 32
            header: dd 0x1badb002, 0x10000, 0xe4514ffe
                    dd header, header, 0, 0, start
            start:  lgdt [POINTERS]
                    lidt [POINTERS + 16]
                    jmp 8:flat
            flat:   mov eax, 0x10
                    mov ss, ax
                    mov ds, ax
                    mov es, ax
                    mov esp, STACK
                    mov eax, 0x40
                    ltr ax
                    mov dword [0xfee000f0], 0x1ff
                    mov dword [0xfee003e0], 11
                    mov dword [0xfee00320], 0x20030
                    mov dword [0xfee00380], 3000
            """;
    private static final String NEXT = """
                    mov $ax, cr4
                    or eax, 0x40600
                    mov cr4, $ax
                    xor ecx, ecx
                    mov eax, 7
                    xor edx, edx
                    xsetbv
            handler: cld
                    mov eax, 0x10
                    mov ss, ax
                    mov ds, ax
                    mov es, ax
                    mov esp, STACK
                    mov edx, 0xfee000b0
                    mov dword [$dx], 0
                    sti
            next:   mov eax, [TURN]
                    inc dword [TURN]
                    cmp eax, [COUNT]
                    jae over
                    movzx ecx, byte [$ax + USER]
                    shl eax, 7
                    add eax, SLOTS
                    test ecx, ecx
                    jnz user
                    jmp $ax
            user:   push 0x33
                    push STACK
                    push 0x3002
                    push $cx
                    push $ax
                    $iret
            over:   mov edx, 0xf4
                    xor eax, eax
                    out dx, eax
                    cli
                    hlt
                    jmp over
            """;
    private static final String NEXT_REAL = """
                    bits 16
            handler: xor ax, ax
                    mov ds, ax
                    mov es, ax
                    mov ss, ax
                    mov sp, 0x5000
                    cld
                    sti
            next:   mov ax, [0x5100]
                    inc word [0x5100]
                    cmp ax, [0x5104]
                    jae over
                    shl ax, 7
                    push 0x1000
                    push ax
                    retf
            over:   mov dx, 0xf4
                    xor eax, eax
                    out dx, eax
                    cli
                    hlt
                    jmp over
            """;
    private static final String TO_REAL = """
                    bits 16
                    mov ax, 0x50
                    mov ss, ax
                    mov ds, ax
                    mov es, ax
                    mov fs, ax
                    mov gs, ax
                    mov eax, cr0
                    and al, 0xfe
                    mov cr0, eax
                    lidt [0x5130]
                    db 0xea
                    dw 0xf000, 0x1000
            """;
    private static final long[] SEGMENTS = {
        0,
        0x00cf9b000000ffffL,
        0x00cf93000000ffffL,
        0x00af9b000000ffffL,
        0x00009b000000ffffL,
        0x00cffb000000ffffL,
        0x00cff3000000ffffL,
        0x00affb000000ffffL,
        (TSS & 0xffffffL) << 16 | 0x0000890000000067L,
        0,
        0x000093000000ffffL
    };

    private final Seed random;
    private final Mode mode;
    private final boolean devices;
    private final Values values;

    /** @param devices slots mostly reach for devices */
    private RandomGuest(Seed random, Mode mode, boolean devices) {
        this.random = random;
        this.mode = mode;
        this.devices = devices;
        values = new Values(random);
    }

    /** In any of the modes. */
    static RandomGuest random(Seed random, boolean devices) {
        return new RandomGuest(random, Mode.values()[random.nextInt(Mode.values().length)], devices);
    }

    /** Loads a guest of {@code slots} slots; the machine is ready to run. */
    void load(Machine machine, int slots) {
        String constants = "        org 0x100000\nTURN equ " + TURN + "\nCOUNT equ " + COUNT + "\nUSER equ " + USER
                + "\nSLOTS equ " + SLOTS + "\nSTACK equ " + STACK + "\nPOINTERS equ " + POINTERS + "\n";
        Assembly image = Asm.program(32, 0x100000, constants + START + mode.enter() + named(NEXT));
        machine.load(new ImageFile("random", image.bytes()), "", List.of());
        PhysicalMemory memory = machine.memory();
        memory.write(COUNT, 4, slots);
        if (mode == Mode.REAL) {
            real(memory);
        }
        descriptors(memory, image.address("handler"));
        paging(memory);
        long next = mode == Mode.REAL ? Asm.program(16, NEXT16, NEXT_REAL).address("next") : image.address("next");
        Slots maker = new Slots(random, mode.bits);
        for (int i = 0; i < slots; i++) {
            slot(memory, SLOTS + (long) SLOT * i, maker.slot(devices), next);
            int user = random.nextInt(4) == 0 ? mode == Mode.LONG && random.nextInt(3) != 0 ? 0x3b : 0x2b : 0;
            memory.write(USER + i, 1, user);
        }
    }

    private String named(String source) {
        String register = mode == Mode.LONG ? "r" : "e";
        return source.replace("$ax", register + "ax")
                .replace("$cx", register + "cx")
                .replace("$dx", register + "dx")
                .replace("$iret", mode == Mode.LONG ? "iretq" : "iret");
    }

    private static void copy(PhysicalMemory memory, long at, byte[] bytes) {
        memory.copyIn(at, bytes, 0, bytes.length);
    }

    private void slot(PhysicalMemory memory, long at, byte[] code, long next) {
        int length = Math.min(code.length, SLOT - 5);
        copy(memory, at, Arrays.copyOf(code, length));
        memory.write(at + length, 1, 0xe9);
        memory.write(at + length + 1, 4, next - at - length - (mode.bits == 16 ? 3 : 5));
    }

    private static void real(PhysicalMemory memory) {
        copy(memory, NEXT16, Asm.assemble(16, NEXT16, NEXT_REAL));
        copy(memory, TRAMPOLINE, Asm.assemble(16, TRAMPOLINE, TO_REAL));
        memory.write(POINTERS + 32, 2, 0x3ff);
        for (int vector = 0; vector < 256; vector++) {
            memory.write(4L * vector, 4, 0x1000f000L);
        }
    }

    private void descriptors(PhysicalMemory memory, long handler) {
        for (int i = 0; i < 32; i++) {
            memory.write(GDT + 8 * i, 8, i < SEGMENTS.length ? SEGMENTS[i] : values.descriptor());
        }
        int gate = mode == Mode.LONG ? 16 : 8;
        for (int vector = 0; vector < 4096 / gate; vector++) {
            long low = handler & 0xffff
                    | (mode == Mode.LONG ? 0x18L : 8L) << 16
                    | (vector < 32 ? 0x8eL : 0xeeL) << 40
                    | (mode == Mode.LONG ? 1L << 32 : 0)
                    | handler >>> 16 << 48;
            boolean own = vector >= 0x40 && vector < 0x50;
            memory.write(IDT + gate * vector, 8, own ? values.descriptor() : low);
        }
        memory.write(TSS + 4, 8, STACK - 0x1000);
        memory.write(TSS + 0x24, 8, STACK - 0x2000);
        memory.write(TSS + (mode == Mode.LONG ? 0x66 : 8), mode == Mode.LONG ? 2 : 4, mode == Mode.LONG ? 0x68 : 0x10);
        memory.write(POINTERS, 2, 0xff);
        memory.write(POINTERS + 2, 4, GDT);
        memory.write(POINTERS + 16, 2, 0xfff);
        memory.write(POINTERS + 18, 4, IDT);
    }

    /** Linear is physical up to {@link #MEMORY} and in the last GiB below 4 GiB; entries of the window are random. */
    private void paging(PhysicalMemory memory) {
        if (mode.ordinal() < Mode.TWO_LEVEL.ordinal()) {
            return;
        }
        boolean wide = mode != Mode.TWO_LEVEL;
        long directories = TABLES + (wide ? mode == Mode.LONG ? 0x2000 : 0x1000 : 0);
        if (wide) {
            long pointers = directories - 0x1000;
            if (mode == Mode.LONG) {
                memory.write(TABLES, 8, pointers | 7);
            }
            for (int i = 0; i < 4; i++) {
                memory.write(pointers + 8 * i, 8, directories + 0x1000L * i | (mode == Mode.LONG ? 7 : 1));
            }
        }
        int bytes = wide ? 8 : 4;
        long page = wide ? 1 << 21 : 1 << 22;
        for (long i = 0; i < (1L << 32) / page; i++) {
            long linear = i * page;
            boolean window = linear >= WINDOW && linear < WINDOW + 0x2000000;
            boolean same = linear < MEMORY || linear >= 0xc0000000L;
            if (window || same) {
                memory.write(directories + bytes * i, bytes, window ? values.entry(TABLES + 0x8000) : linear | 0x87);
            }
        }
        for (int i = 0; i < 0x1000; i++) {
            memory.write(TABLES + 0x8000 + 8 * i, 8, values.entry(TABLES + 0x8000));
        }
    }
}
