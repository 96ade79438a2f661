package nestbox.guests;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * A random guest that edits page tables and tells what it sees, and what it must see: 64-bit code over a window of pages in two
 * address spaces with PCIDs of their own, some pages global. An edit is followed by one of the invalidations that the manual
 * demands for it (SDM Vol. 3, "Invalidation of TLBs and Paging-Structure Caches"); making a page present needs none.
 */
final class TlbGuest {
    static final long LOG = 0x700000;
    private static final long WINDOW = 0x40000000L;
    private static final int PAGES = 12;
    private static final int GLOBAL_PAGES = 4;
    private static final long FRAMES = 0x600000;
    private static final int FRAME_COUNT = 16;
    private static final int SPACES = 2;
    private static final long GLOBAL = 1 << 8;

    /** Tables of space n: PML4, PDPT, page directory, page table. */
    private static final long[] ROOT = {0x300000, 0x310000};

    private final RandomGenerator random;
    private final StringBuilder code = new StringBuilder();
    private final List<Long> expected = new ArrayList<>();
    private final long[][] entries = new long[SPACES][PAGES];
    private final long[] frames = new long[FRAME_COUNT];
    private int space;
    private int labels;

    TlbGuest(long seed, int steps) {
        random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        start();
        for (int i = 0; i < steps; i++) {
            step();
        }
        code.append("jmp done\n");
    }

    /** What the guest must have written to {@link #LOG}. */
    List<Long> expected() {
        return expected;
    }

    /** The guest; its #PF handler writes the error code to the log and goes on at R11. */
    Probe probe() {
        return Probe.longMode(code.toString())
                .gate(14, Probe.gateTo("fault", Probe.CODE64, 0x8e, true))
                .data("bits 64\nfault: pop rax\nor eax, 0x10000\nmov [r15], rax\nadd r15, 8\nmov [rsp], r11\niretq\n")
                .memory(memory -> {
                    for (long root : ROOT) {
                        memory.write(root, 8, root + 0x1003);
                        memory.write(root + 0x1000, 8, Probe.TABLES + 0x2003);
                        memory.write(root + 0x1008, 8, root + 0x2003);
                        memory.write(root + 0x2000, 8, root + 0x3003);
                    }
                });
    }

    private void line(String format, Object... values) {
        code.append(String.format(format, values)).append('\n');
    }

    private void start() {
        line("mov r15, 0x%x", LOG);
        line("mov rax, 0x%x", ROOT[0]);
        line("mov cr3, rax");
        line("mov rax, cr4\nor eax, 0x20080\nmov cr4, rax");
        line("mov rax, cr0\nor eax, 0x10000\nmov cr0, rax");
        for (int i = 0; i < FRAME_COUNT; i++) {
            frames[i] = 0x1000 + i;
            line("mov qword [0x%x], 0x%x", FRAMES + 0x1000L * i, frames[i]);
        }
        switchTo(0, false);
    }

    private void step() {
        switch (random.nextInt(10)) {
            case 0, 1, 2 -> edit();
            case 3 -> switchTo(1 - space, random.nextBoolean());
            case 4, 5, 6 -> write(random.nextInt(PAGES), 0x10000 + random.nextInt(0x10000));
            default -> read(random.nextInt(PAGES));
        }
    }

    private static boolean global(int page) {
        return page >= PAGES - GLOBAL_PAGES;
    }

    private void switchTo(int to, boolean keep) {
        space = to;
        line("mov rax, 0x%x", ROOT[to] | to + 1 | (keep ? 1L << 63 : 0));
        line("mov cr3, rax");
    }

    private static long entryAddress(int of, int page) {
        return ROOT[of] + 0x3000 + 8L * page;
    }

    private void edit() {
        int page = random.nextInt(PAGES);
        long entry = FRAMES + 0x1000L * random.nextInt(FRAME_COUNT) | random.nextInt(4);
        if (global(page)) {
            boolean needed = (entries[0][page] & 1) != 0;
            set(0, page, entry | GLOBAL);
            set(1, page, entry | GLOBAL);
            if (needed || random.nextInt(3) == 0) {
                invalidateGlobal(page);
            }
            return;
        }
        int of = random.nextInt(SPACES);
        boolean needed = (entries[of][page] & 1) != 0;
        set(of, page, entry);
        if (needed || random.nextInt(3) == 0) {
            invalidate(of, page);
        }
    }

    private void set(int of, int page, long entry) {
        entries[of][page] = entry;
        line("mov qword [0x%x], 0x%x", entryAddress(of, page), entry);
    }

    private void invpcid(int type, int of, int page) {
        line("mov qword [0x6000], %d", type > 1 ? 0 : of + 1);
        line("mov eax, 0x%x\nmov [0x6008], rax", type == 0 ? WINDOW + 0x1000L * page : 0);
        line("mov eax, %d\ninvpcid rax, [0x6000]", type);
    }

    private void invalidate(int of, int page) {
        int way = random.nextInt(of == space ? 5 : 3);
        switch (way) {
            case 0, 1 -> invpcid(way, of, page);
            case 2 -> invpcid(2 + random.nextInt(2), of, page);
            case 3 -> line("invlpg [0x%x]", WINDOW + 0x1000L * page);
            default -> switchTo(space, false);
        }
    }

    private void invalidateGlobal(int page) {
        switch (random.nextInt(3)) {
            case 0 -> line("invlpg [0x%x]", WINDOW + 0x1000L * page);
            case 1 -> line("mov rax, cr4\nxor al, 0x80\nmov cr4, rax\nxor al, 0x80\nmov cr4, rax");
            default -> invpcid(2, 0, page);
        }
    }

    private int frame(long entry) {
        return (int) ((entry & 0xffffff000L) - FRAMES >>> 12);
    }

    private void resumeAtNext() {
        line("mov r11, next%d", labels);
    }

    private void read(int page) {
        resumeAtNext();
        line("mov eax, [0x%x]\nmov [r15], rax\nadd r15, 8\nnext%d:", WINDOW + 0x1000L * page, labels++);
        long entry = entries[space][page];
        expected.add((entry & 1) == 0 ? 0x10000 : frames[frame(entry)]);
    }

    private void write(int page, long value) {
        resumeAtNext();
        line("mov dword [0x%x], 0x%x\nnext%d:", WINDOW + 0x1000L * page, value, labels++);
        long entry = entries[space][page];
        if ((entry & 3) == 3) {
            frames[frame(entry)] = value;
        } else {
            expected.add(0x10002 | entry & 1);
        }
    }
}
