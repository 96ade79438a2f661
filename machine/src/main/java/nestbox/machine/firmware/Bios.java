package nestbox.machine.firmware;

import nestbox.mmu.memory.PhysicalMemory;

/**
 * The 128 KiB of firmware ROM below 1 MiB, aliased below 4 GiB: the reset vector, a handful of real-mode instructions, and the
 * ACPI root pointer. What a BIOS does at power-on is done by the machine, which the code calls through {@link #SERVICE_PORT}.
 */
public final class Bios {
    /** A write here asks the machine to boot. */
    public static final int SERVICE_PORT = 0xffe0;

    private static final int SIZE = (int) (MemoryMap.BIOS_END - MemoryMap.BIOS_START);
    private static final int SEGMENT = 0xf000;
    private static final int SEGMENT_OFFSET = (int) ((SEGMENT << 4) - MemoryMap.BIOS_START);
    private static final int RESET_VECTOR = 0xfff0;
    private static final int POWER_ON = 0xe05b;
    private static final int DUMMY_INTERRUPT = 0xff53;
    private static final int MASTER_INTERRUPT = 0xfea5;
    private static final int SLAVE_INTERRUPT = 0xfeb5;
    private static final int FIRST_MASTER_VECTOR = 8;
    private static final int FIRST_SLAVE_VECTOR = 0x70;
    private static final int ROOT_POINTER = 0x5a00;
    private static final int MODEL_BYTE = 0xfffe;

    /** Conventional memory in KiB and the segment of the extended BIOS data area, as the BIOS data area holds them. */
    private static final int BDA_MEMORY_SIZE = 0x413;

    private static final int BDA_EBDA_SEGMENT = 0x40e;
    private static final int BDA_COM1 = 0x400;

    private final byte[] rom = new byte[SIZE];

    public Bios(AcpiTables tables) {
        put(RESET_VECTOR, 0xea, POWER_ON, POWER_ON >>> 8, SEGMENT, SEGMENT >>> 8);
        put(POWER_ON, powerOn());
        put(DUMMY_INTERRUPT, 0xcf);
        // push ax; mov al, 20h; (out 0a0h, al;) out 20h, al; pop ax; iret
        put(MASTER_INTERRUPT, 0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf);
        put(SLAVE_INTERRUPT, 0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf);
        put(MODEL_BYTE, 0xfc);
        byte[] rootPointer = tables.rootPointer();
        System.arraycopy(rootPointer, 0, rom, SEGMENT_OFFSET + ROOT_POINTER, rootPointer.length);
    }

    /** Physical address of the ACPI root pointer. */
    public static long rootPointer() {
        return ((long) SEGMENT << 4) + ROOT_POINTER;
    }

    private void put(int offset, int... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            rom[SEGMENT_OFFSET + offset + i] = (byte) bytes[i];
        }
    }

    /**
     * After a reset: the CMOS shutdown byte tells whether to go on through the vector at 40h:67h (0Ah; 05h after an EOI) or to
     * start from the beginning.
     */
    private static int[] powerOn() {
        return new int[] {
            0xfa, // cli
            0xb0,
            0x8f, // mov al, 8fh
            0xe6,
            0x70, // out 70h, al
            0xe4,
            0x71, // in al, 71h
            0x3c,
            0x0a, // cmp al, 0ah
            0x74,
            0x10, // je resume
            0x3c,
            0x05, // cmp al, 05h
            0x74,
            0x08, // je eoi
            0xba,
            SERVICE_PORT & 0xff,
            SERVICE_PORT >>> 8, // mov dx, SERVICE_PORT
            0xee, // out dx, al
            0xf4, // hlt
            0xeb,
            0xfd, // jmp hlt
            0x90, // nop
            0xb0,
            0x20, // eoi: mov al, 20h
            0xe6,
            0x20, // out 20h, al
            0x31,
            0xc0, // resume: xor ax, ax
            0x8e,
            0xd8, // mov ds, ax
            0xff,
            0x2e,
            0x67,
            0x04, // jmp far [467h]
        };
    }

    /** The contents of the ROM, whose end is the top of 4 GiB. */
    public byte[] rom() {
        return rom.clone();
    }

    /** Hardware interrupts are acknowledged and forgotten, everything else just returns. */
    private static int handler(int vector) {
        if (vector >= FIRST_MASTER_VECTOR && vector < FIRST_MASTER_VECTOR + 8) {
            return MASTER_INTERRUPT;
        }
        return vector >= FIRST_SLAVE_VECTOR && vector < FIRST_SLAVE_VECTOR + 8 ? SLAVE_INTERRUPT : DUMMY_INTERRUPT;
    }

    /** Writes the interrupt vectors and the part of the BIOS data area that programs look at. */
    public static void setUpLowMemory(PhysicalMemory memory) {
        for (int vector = 0; vector < 256; vector++) {
            memory.write(vector * 4L, 4, (long) SEGMENT << 16 | handler(vector));
        }
        memory.write(BDA_COM1, 2, 0x3f8);
        memory.write(BDA_MEMORY_SIZE, 2, 639);
        memory.write(BDA_EBDA_SEGMENT, 2, 0x9fc0);
    }
}
