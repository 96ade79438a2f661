package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The page tables of a differential guest as the generator knows them: what steps have written, without the flags that processors
 * set. Two address spaces share the tables under two zones of linear addresses: in one mappings may be global and are the same in
 * both spaces, in the other they are never global. Everything outside the zones is the interpreter's own and stays.
 */
final class Tables {
    static final int SPACES = 2;
    static final long PRESENT = 1;
    static final long WRITABLE = 2;
    static final long USER = 4;
    static final long LARGE = 1 << 7;
    static final long GLOBAL = 1 << 8;
    static final long NO_EXECUTE = 1L << 63;
    /** Bits of an entry's address in any format. */
    static final long ADDRESS = 0x000ffffffffff000L;

    /** Where PDPTEs lie in a top table of two-level paging: it needs the entries for no address in use, and ignores CR3[11:5]. */
    static final long POINTERS = 0xfc0;

    private static final int PAGES = 4;

    /** One table that steps may edit. */
    record Table(long address, int level, boolean global, int first, int count) {}

    /** One entry that steps may edit. */
    record Slot(long address, int level, boolean global) {}

    final Shape shape;
    final long[] roots = new long[SPACES];
    /** Tables of the zones, by level. */
    final List<Table> pool = new ArrayList<>();

    final List<Slot> slots = new ArrayList<>();
    /** Every page of the zones: linear addresses. */
    final List<Long> pages = new ArrayList<>();

    /** By the offset of an entry, in units of 4 bytes. */
    private final long[] entries;

    private long next;

    Tables(Shape shape) {
        this(shape, null);
    }

    /**
     * @param beside tables of the same guest in another paging mode, or null. PDPTEs lie within the top tables of two-level paging,
     *     so that one value of CR3 is good for both
     */
    Tables(Shape shape, Tables beside) {
        this.shape = shape;
        entries = beside == null ? new long[(int) (Layout.TABLES_END - Layout.TABLES) / 4] : beside.entries;
        next = beside == null ? Layout.TABLES : beside.next;
        for (int space = 0; space < SPACES; space++) {
            roots[space] = beside != null && shape == Shape.PAE ? beside.roots[space] + POINTERS : allocate();
        }
        kernel();
        zones();
        addPages();
    }

    private long allocate() {
        long table = next;
        next += 0x1000;
        if (next > Layout.TABLES_END) {
            throw new IllegalStateException("no room for page tables");
        }
        return table;
    }

    /** First address behind the tables in use. */
    long end() {
        return next;
    }

    /** An entry; 0 where no table is, all ones outside memory. */
    long entry(long address) {
        if (address >= Layout.MEMORY) {
            return -1;
        }
        long offset = address - Layout.TABLES;
        return offset < 0 || offset >= next - Layout.TABLES ? 0 : entries[(int) offset >> 2];
    }

    void set(long address, long value) {
        entries[(int) (address - Layout.TABLES) >> 2] = value;
    }

    /** Every entry that is not 0, in words of 4 bytes by their addresses. */
    Map<Long, Long> contents() {
        Map<Long, Long> contents = new HashMap<>();
        for (int i = 0; i < entries.length; i++) {
            long at = Layout.TABLES + 4L * i;
            if ((int) entries[i] != 0) {
                contents.put(at, entries[i] & 0xffffffffL);
            }
            if (entries[i] >>> 32 != 0) {
                contents.put(at + 4, entries[i] >>> 32);
            }
        }
        return contents;
    }

    private void put(long table, int index, long value) {
        set(table + (long) index * shape.entryBytes, value);
    }

    // ---- set-up
    // ---------------------------------------------------------------------------------------------------------

    private void kernel() {
        switch (shape) {
            case TWO_LEVEL -> kernelTwoLevel();
            case PAE -> {
                long low = kernelDirectory();
                long high = apicDirectory();
                for (long root : roots) {
                    put(root, 0, low | PRESENT);
                    put(root, 3, high | PRESENT);
                }
            }
            default -> {
                long pointers = allocate();
                put(pointers, 0, kernelDirectory() | 7);
                put(pointers, 3, apicDirectory() | 3);
                for (int space = 0; space < SPACES; space++) {
                    long top = roots[space];
                    if (shape == Shape.FIVE_LEVEL) {
                        top = allocate();
                        put(roots[space], 0, top | 7);
                    }
                    put(top, 0, pointers | 7);
                }
            }
        }
    }

    private long kernelDirectory() {
        long directory = allocate();
        for (int i = 0; i < Layout.MEMORY >>> 21; i++) {
            boolean user = Layout.USER >>> 21 == i;
            put(directory, i, (long) i << 21 | LARGE | 3 | (user ? USER : 0));
        }
        return directory;
    }

    private long apicDirectory() {
        long directory = allocate();
        put(directory, (int) (Layout.APIC >>> 21) & 511, Layout.APIC | LARGE | 3);
        return directory;
    }

    private void kernelTwoLevel() {
        for (int i = 0; i < Layout.MEMORY >>> 22; i++) {
            long table = allocate();
            for (int k = 0; k < 1024; k++) {
                long page = (long) i << 22 | (long) k << 12;
                put(table, k, page | 3 | (page >>> 21 == Layout.USER >>> 21 ? USER : 0));
            }
            for (long root : roots) {
                put(root, i, table | 7);
            }
        }
        long table = allocate();
        put(table, (int) (Layout.APIC >>> 12) & 1023, Layout.APIC | 3);
        for (long root : roots) {
            put(root, (int) (Layout.APIC >>> 22), table | 3);
        }
    }

    private long topOf(int space) {
        return shape == Shape.FIVE_LEVEL ? entry(roots[space]) & ADDRESS : roots[space];
    }

    private void zones() {
        switch (shape) {
            case TWO_LEVEL -> {
                add(1, 4, false);
                add(1, 3, true);
                for (int space = 0; space < SPACES; space++) {
                    for (int i = 0; i < 3; i++) {
                        put(roots[space], 256 + i, tables(1, true).get(i).address | 7);
                        slot(roots[space], 512 + i, 2, false);
                    }
                }
            }
            case PAE -> {
                add(2, 2, false);
                add(1, 4, false);
                add(2, 1, true);
                add(1, 2, true);
                for (int space = 0; space < SPACES; space++) {
                    put(roots[space], 1, tables(2, true).get(0).address | PRESENT);
                    slot(roots[space], 2, 3, false);
                }
            }
            default -> {
                add(3, 2, false);
                add(2, 3, false);
                add(1, 4, false);
                add(3, 1, true);
                add(2, 2, true);
                add(1, 2, true);
                for (int space = 0; space < SPACES; space++) {
                    put(topOf(space), 2, tables(3, true).get(0).address | 7);
                    slot(topOf(space), 1, 4, false);
                }
                if (shape == Shape.FIVE_LEVEL) {
                    Table table = new Table(allocate(), 4, false, 1, 1);
                    pool.add(table);
                    addSlots(table);
                    for (long root : roots) {
                        slot(root, 1, 5, false);
                    }
                }
            }
        }
    }

    private void add(int level, int count, boolean global) {
        for (int i = 0; i < count; i++) {
            Table table = new Table(allocate(), level, global, 0, level == 1 ? PAGES : level == 2 ? 3 : 2);
            pool.add(table);
            addSlots(table);
        }
    }

    private void addSlots(Table table) {
        for (int i = 0; i < table.count; i++) {
            slot(table.address, table.first + i, table.level, table.global);
        }
    }

    private void slot(long table, int index, int level, boolean global) {
        slots.add(new Slot(table + (long) index * shape.entryBytes, level, global));
    }

    List<Table> tables(int level, boolean global) {
        return pool.stream().filter(t -> t.level == level && t.global == global).toList();
    }

    private void addPages() {
        switch (shape) {
            case TWO_LEVEL, PAE -> {
                addPages(0x40000000L, 2, 3);
                addPages(0x80000000L, 2, 3);
            }
            default -> {
                addPages(1L << 39, 3, 2);
                addPages(2L << 39, 3, 2);
                if (shape == Shape.FIVE_LEVEL) {
                    addPages(1L << 48 | 1L << 39, 3, 2);
                }
            }
        }
    }

    private void addPages(long base, int level, int count) {
        for (int i = 0; i < count; i++) {
            long at = base + ((long) i << shape.shift(level));
            if (level == 3) {
                addPages(at, 2, 3);
            } else {
                for (int k = 0; k < PAGES; k++) {
                    pages.add(at + 0x1000L * k);
                }
            }
        }
    }

    // ---- walks
    // ----------------------------------------------------------------------------------------------------------

    /** The entries that a walk visits from the top, the last of them a leaf or not present; reserved bits do not end it. */
    List<Long> path(int space, long linear, boolean pageSizeExtension) {
        List<Long> path = new ArrayList<>(5);
        long table = roots[space];
        for (int level = shape.levels; ; level--) {
            long at = table + (long) shape.index(linear, level) * shape.entryBytes;
            long entry = entry(at);
            path.add(at);
            if ((entry & PRESENT) == 0 || level == 1 || leaf(entry, level, pageSizeExtension)) {
                return path;
            }
            table = entry & (shape.entryBytes == 4 ? 0xfffff000L : ADDRESS);
        }
    }

    /** Whether a walk visits the entry at {@code wanted}. */
    boolean visits(int space, long linear, boolean pageSizeExtension, long wanted) {
        long table = roots[space];
        for (int level = shape.levels; ; level--) {
            long at = table + (long) shape.index(linear, level) * shape.entryBytes;
            if (at == wanted) {
                return true;
            }
            long entry = entry(at);
            if ((entry & PRESENT) == 0 || level == 1 || leaf(entry, level, pageSizeExtension)) {
                return false;
            }
            table = entry & (shape.entryBytes == 4 ? 0xfffff000L : ADDRESS);
        }
    }

    boolean leaf(long entry, int level, boolean pageSizeExtension) {
        boolean pae = shape == Shape.PAE && level == 3;
        return level == 1
                || !pae && level < 4 && (entry & LARGE) != 0 && (shape != Shape.TWO_LEVEL || pageSizeExtension);
    }

    /** What the last entry of a path maps {@code linear} to, or -1. */
    long target(List<Long> path, long linear) {
        long entry = entry(path.get(path.size() - 1));
        if ((entry & PRESENT) == 0) {
            return -1;
        }
        long within = (1L << shape.shift(shape.levels - path.size() + 1)) - 1;
        long address = entry & (shape.entryBytes == 4 ? 0xfffff000L : ADDRESS);
        return address & ~within | linear & within;
    }
}
