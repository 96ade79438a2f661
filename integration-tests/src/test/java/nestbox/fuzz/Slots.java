package nestbox.fuzz;

import java.io.ByteArrayOutputStream;
import nestbox.core.Seed;

/** Makes slots of code: a few registers are loaded, then something random is done. What follows a slot is the caller's. */
final class Slots {
    private static final int[] PORTS = {
        0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x60, 0x64, 0x70, 0x71, 0x92, 0xb2, 0xb3,
        0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0xcf8, 0xcf9, 0xcfc, 0xcfd, 0xcfe, 0xcff, 0x402, 0x510,
        0x511, 0x514, 0x518, 0x600, 0x602, 0x604, 0x608, 0x80, 0xe0, 0xe4, 0xe8, 0x2000, 0x8900, 0xafe0, 0xafe2, 0xb000,
        0xb004, 0xb008, 0xf0, 0xf1, 0x3d4, 0x3d5
    };
    private static final long[] DEVICES = {
        0xfee00000L,
        0xfee00000L,
        0xfee00000L,
        0xfec00000L,
        0xfec00000L,
        0xfed00000L,
        0xff000000L,
        0xa0000,
        0xb8000,
        0xc8000,
        0xf0000,
        0xffff0000L,
        0xd0000000L,
        0xe0000000L
    };
    /** Accesses to the memory at rBX. */
    private static final int[][] ACCESSES = {
        {0x8b, 0x03},
        {0x89, 0x03},
        {0x8a, 0x03},
        {0x88, 0x03},
        {0x66, 0x89, 0x03},
        {0x66, 0x8b, 0x03},
        {0x48, 0x8b, 0x03},
        {0x48, 0x89, 0x03},
        {0xf0, 0x0f, 0xc1, 0x03},
        {0xf0, 0x0f, 0xb1, 0x03},
        {0x87, 0x03},
        {0xff, 0x33},
        {0x8f, 0x03},
        {0xf3, 0x0f, 0x7f, 0x03},
        {0xf3, 0x0f, 0x6f, 0x03},
        {0x0f, 0xae, 0x03},
        {0x0f, 0xae, 0x0b},
        {0x0f, 0xc7, 0x0b},
        {0x0f, 0xba, 0x2b, 0x1f},
        {0x80, 0x0b, 0x55},
        {0xc5, 0xfe, 0x7f, 0x03},
        {0xc5, 0xfe, 0x6f, 0x03},
        {0xff, 0xe3},
        {0xdd, 0x33},
        {0xdd, 0x23},
        {0xdb, 0x3b},
        {0x0f, 0x01, 0x13},
        {0x0f, 0x01, 0x03},
        {0x0f, 0xae, 0x23},
        {0x0f, 0xae, 0x2b},
        {0xf7, 0x33},
        {0xff, 0x13},
        {0xff, 0x2b},
        {0x62, 0x03},
        {0x0f, 0xb2, 0x23},
        {0x48, 0x0f, 0xc7, 0x0b},
        {0x66, 0x0f, 0x38, 0xf6, 0x03}
    };

    private final Seed random;
    private final int bits;
    private final Values values;
    private final RandomCode code;
    private ByteArrayOutputStream out;

    Slots(Seed random, int bits) {
        this.random = random;
        this.bits = bits;
        values = new Values(random);
        code = new RandomCode(random, bits);
    }

    /** @param devices mostly accesses to ports and device memory */
    byte[] slot(boolean devices) {
        out = new ByteArrayOutputStream();
        if (random.nextInt(10) < (devices ? 9 : 1)) {
            device();
        } else {
            registers();
            action();
        }
        return out.toByteArray();
    }

    private void emit(int... bytes) {
        for (int b : bytes) {
            out.write(b);
        }
    }

    private void number(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (value >>> 8 * i));
        }
    }

    private void load(int register, long value) {
        if (bits == 64) {
            emit(0x48, 0xb8 + register);
            number(value, 8);
        } else {
            wide();
            emit(0xb8 + register);
            number(value, 4);
        }
    }

    /** The prefix that makes operands of 16-bit code 32 bits wide. */
    private void wide() {
        if (bits == 16) {
            emit(0x66);
        }
    }

    private void registers() {
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            int register = random.nextInt(8);
            boolean stack = register == 4;
            if (!stack || random.nextInt(8) == 0) {
                load(register, stack || random.nextInt(4) == 0 ? values.place() : values.any());
            }
        }
        if (random.nextInt(8) == 0) {
            wide();
            emit(0x68);
            number(random.nextLong(), 4);
            wide();
            emit(0x9d);
        }
    }

    private void action() {
        int choice = random.nextInt(20);
        if (choice < 10) {
            out.writeBytes(code.instruction());
        } else if (choice < 12) {
            out.writeBytes(code.bytes(1 + random.nextInt(16)));
        } else if (choice < 14) {
            load(1, values.msr());
            emit(0x0f, random.nextInt(3) == 0 ? 0x32 : 0x30);
        } else if (choice < 16) {
            control();
        } else if (choice < 18) {
            table();
        } else {
            segment();
        }
    }

    /** Inverts a bit of a control register. */
    private void control() {
        int register = new int[] {0, 3, 4, 4, 8}[random.nextInt(bits == 64 ? 5 : 4)];
        int lock = register == 8 ? 0x44 : 0;
        int modrm = 0xc0 | (register & 7) << 3;
        int[] prefix = lock == 0 ? new int[0] : new int[] {lock};
        emit(prefix);
        emit(0x0f, 0x20, modrm);
        wide();
        emit(0x0f, 0xba, 0xf8, random.nextInt(32));
        emit(prefix);
        emit(0x0f, 0x22, modrm);
    }

    /** Writes an entry of a page table, a descriptor or a gate. */
    private void table() {
        boolean paging = random.nextInt(2) == 0;
        int first = random.nextInt(16) == 0 ? 0 : 1;
        long at = paging
                ? RandomGuest.TABLES + 0x8000L * first + 8L * random.nextInt(0x1000)
                : random.nextInt(2) == 0
                        ? RandomGuest.GDT + 0x58L * first + 8L * random.nextInt(21)
                        : RandomGuest.IDT + 0x200L * first + 8L * random.nextInt(32);
        long value = paging ? values.entry(RandomGuest.TABLES) : values.descriptor();
        load(7, at);
        for (int i = 0; i < 2; i++) {
            if (bits == 16) {
                emit(0x66, 0x67);
            }
            emit(0xc7, 0x47, 4 * i);
            number(value >>> 32 * i, 4);
        }
    }

    private void segment() {
        int selector = values.selector();
        switch (random.nextInt(5)) {
            case 0 -> {
                wide();
                emit(0x68);
                number(selector, 4);
                wide();
                emit(0x68);
                number(values.place(), 4);
                wide();
                emit(random.nextInt(2) == 0 ? 0xcb : 0xcf);
            }
            case 1 -> emit(0xcd, random.nextInt(0x50));
            case 2 -> {
                load(0, selector);
                emit(0x0f, 0x00, 0xd0 + 8 * random.nextInt(4));
            }
            default -> {
                load(0, selector);
                emit(0x8e, 0xc0 + 8 * random.nextInt(6));
            }
        }
    }

    private void device() {
        int choice = random.nextInt(12);
        if (choice < 6) {
            port();
        } else if (choice == 6) {
            emit(0xfb, 0x90, random.nextInt(2) == 0 ? 0xf4 : 0x90);
        } else {
            memory();
        }
    }

    private void port() {
        int port = random.nextInt(8) == 0 ? random.nextInt(0x10000) : PORTS[random.nextInt(PORTS.length)];
        load(2, port);
        if (random.nextInt(6) == 0) {
            load(1, random.nextInt(20));
            load(random.nextInt(2) == 0 ? 6 : 7, values.place());
            emit(0xf3, 0x6c + random.nextInt(4));
            return;
        }
        load(0, random.nextInt(2) == 0 ? random.nextInt(256) : values.any());
        if (random.nextInt(4) == 0) {
            emit(0x66);
        }
        emit(0xec + random.nextInt(4));
    }

    private void memory() {
        long base = DEVICES[random.nextInt(DEVICES.length)];
        long offset = random.nextInt(3) == 0 ? random.nextInt(0x1000) : 16L * random.nextInt(0x40);
        load(3, base + offset - (random.nextInt(10) == 0 ? 4 : 0));
        load(0, random.nextInt(2) == 0 ? random.nextInt(0x1000) : values.any());
        load(4, RandomGuest.STACK);
        for (int i = 1 + random.nextInt(2); i > 0; i--) {
            if (bits == 16) {
                emit(0x67, 0x66);
            }
            emit(ACCESSES[random.nextInt(ACCESSES.length)]);
        }
    }
}
