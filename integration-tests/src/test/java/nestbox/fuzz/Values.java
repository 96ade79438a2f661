package nestbox.fuzz;

import nestbox.core.Seed;

/** Numbers that are more often interesting than random ones are: addresses of what a random guest has, edges, MSRs. */
final class Values {
    private static final long[] PLACES = {
        RandomGuest.TABLES,
        RandomGuest.GDT,
        RandomGuest.IDT,
        RandomGuest.SCRATCH,
        RandomGuest.SCRATCH,
        RandomGuest.SLOTS,
        RandomGuest.TSS,
        RandomGuest.WINDOW,
        RandomGuest.WINDOW,
        0,
        0xa0000,
        0xc8000,
        0xf0000,
        0x100000,
        RandomGuest.MEMORY,
        0xfec00000L,
        0xfed00000L,
        0xfee00000L,
        0xff000000L,
        0x100000000L,
        0x7fffffff0000L,
        0x800000000000L,
        0xffff800000000000L,
        0xfffffffffffff000L
    };
    /** First MSR of a range, and how many. */
    private static final int[][] MSRS = {
        {0x10, 1},
        {0x1b, 1},
        {0x3a, 2},
        {0x48, 2},
        {0x79, 1},
        {0x8b, 1},
        {0x9b, 6},
        {0xc1, 8},
        {0xe1, 1},
        {0xfe, 1},
        {0x10a, 2},
        {0x122, 1},
        {0x174, 8},
        {0x186, 8},
        {0x198, 4},
        {0x1a0, 1},
        {0x1c8, 2},
        {0x1d9, 8},
        {0x200, 32},
        {0x250, 32},
        {0x277, 1},
        {0x2ff, 1},
        {0x309, 4},
        {0x345, 1},
        {0x38d, 4},
        {0x400, 32},
        {0x480, 20},
        {0x4c1, 8},
        {0x600, 1},
        {0x6a0, 9},
        {0x6e0, 2},
        {0x800, 64},
        {0xd90, 1},
        {0xda0, 1},
        {0xe01, 1},
        {0x4b564d00, 8},
        {0x40000000, 16},
        {0xc0000080, 5},
        {0xc0000100, 4},
        {0xc0010000, 8},
        {0xc0010010, 16},
        {0xc0010111, 9},
        {0xc0010200, 12},
        {0xc0011020, 12},
        {0xc0000300, 4}
    };

    private final Seed random;

    Values(Seed random) {
        this.random = random;
    }

    long any() {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(64);
            case 2 -> 1L << random.nextInt(64);
            case 3 -> -1L >>> random.nextInt(64);
            default -> place();
        };
    }

    /** An address, mostly of something, sometimes a little below it. */
    long place() {
        long offset = switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> -random.nextInt(17);
            case 2 -> random.nextInt(0x1000);
            default -> 16L * random.nextInt(0x100);
        };
        return PLACES[random.nextInt(PLACES.length)] + offset;
    }

    int msr() {
        int[] range = MSRS[random.nextInt(MSRS.length)];
        return range[0] + random.nextInt(range[1]);
    }

    /** An entry of a page table of any format. */
    long entry(long tables) {
        long frame = switch (random.nextInt(4)) {
            case 0 -> tables + 0x1000L * random.nextInt(16);
            case 1 -> random.nextLong() & 0xffffffffff000L;
            default -> (long) random.nextInt((int) (RandomGuest.MEMORY >>> 12)) << 12;
        };
        long flags = random.nextInt(0x1000) | (random.nextInt(4) == 0 ? 0 : 7);
        return frame | flags | (random.nextInt(8) == 0 ? 1L << 63 - random.nextInt(12) : 0);
    }

    /** A descriptor of a segment or a gate: any type, mostly present. */
    long descriptor() {
        if (random.nextInt(4) == 0) {
            return random.nextLong();
        }
        long base = place() & 0xffffffffL;
        long limit = random.nextInt(3) == 0 ? 0xfffff : random.nextInt(0x2000);
        long access = random.nextInt(256) | (random.nextInt(5) == 0 ? 0 : 0x80);
        return limit & 0xffff
                | (base & 0xffffff) << 16
                | access << 40
                | limit >>> 16 << 48
                | (long) random.nextInt(16) << 52
                | base >>> 24 << 56;
    }

    /** A selector of the random guest's table. */
    int selector() {
        return random.nextInt(8) == 0 ? random.nextInt(0x10000) : random.nextInt(32) << 3 | random.nextInt(4);
    }
}
