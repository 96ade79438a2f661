package nestbox.testkit.differential;

import java.util.List;
import nestbox.core.Seed;
import nestbox.testkit.differential.Tables.Slot;
import nestbox.testkit.differential.Tables.Table;

/** Random entries of page tables, and what the generator must know of them. */
final class Entries {
    /** Offset of the first byte in a page that steps store to: what lies before is no page table's entry that counts. */
    static final int FIRST_DATA = 64;

    private static final long ACCESSED_DIRTY = 0x60;
    private static final long RESERVED = 1L << 51;
    private static final long KEY = 0xfL << 59;
    private static final long LARGE_RESERVED = 1 << 13;

    private final Tables tables;
    private final Shape shape;
    private final Seed random;
    private final Traits traits;
    private final boolean outside;

    /** @param outside tables may lie outside memory */
    Entries(Tables tables, Seed random, Traits traits, boolean outside) {
        this.tables = tables;
        this.random = random;
        this.traits = traits;
        this.outside = outside;
        shape = tables.shape;
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    /** Memory that steps may store to. */
    static boolean isData(long physical) {
        return isCode(physical)
                || physical < 0x4000
                || physical >= Layout.DEVICE && physical < Layout.DEVICE + 0x10000
                || physical >>> 24 == Layout.NOTHING >>> 24
                || physical >>> 30 == 1
                || physical >>> 30 == 2
                || physical >>> 14 == Layout.PAM >>> 14
                || physical >>> 14 == 0x400000 >>> 14
                || physical >>> 14 == 0x200000 >>> 14;
    }

    /** Frames that hold a little function. */
    static boolean isCode(long physical) {
        long frames = Layout.FRAMES + ((long) Layout.FRAME_COUNT << 12);
        return physical >= Layout.FRAMES && physical < frames
                || physical >= Layout.LARGE_FRAMES && (physical & 0x1fffff) < 0x4000 && physical < Layout.MEMORY;
    }

    /** A present entry with all rights to a table below or a frame. */
    long linked(Slot slot) {
        if (shape == Shape.PAE && slot.level() == 3) {
            return pdpte(slot) | Tables.PRESENT;
        }
        return (slot.level() == 1 ? frame() : table(slot)) | 7;
    }

    long pdpte(Slot slot) {
        List<Table> below = tables.tables(2, slot.global());
        return below.get(random.nextInt(below.size())).address() | (chance(80) ? Tables.PRESENT : 0);
    }

    private long table(Slot slot) {
        // What is read there is all ones; that has no reserved bit in the short format, and would be global.
        if (outside && shape.entryBytes == 8 && chance(3)) {
            return Layout.NOTHING;
        }
        List<Table> below = tables.tables(slot.level() - 1, slot.global());
        return below.get(random.nextInt(below.size())).address();
    }

    private long frame() {
        int choice = random.nextInt(100);
        if (choice < 70) {
            return Layout.FRAMES + ((long) random.nextInt(Layout.FRAME_COUNT) << 12);
        } else if (choice < 78) {
            return Layout.DEVICE + ((long) random.nextInt(3) << 12);
        } else if (choice < 83) {
            return (outside && chance(50) ? Layout.BEYOND : Layout.NOTHING) + ((long) random.nextInt(2) << 12);
        } else if (choice < 90) {
            return Layout.PAM + ((long) random.nextInt(3) << 12);
        }
        return tables.pool.get(random.nextInt(tables.pool.size())).address();
    }

    /** Any entry: a table, a page, large or not, not present, with reserved bits; rights and flags as they come. */
    long random(Slot slot, boolean noExecute) {
        if (chance(12)) {
            return random.nextLong() & ~Tables.PRESENT & (shape.entryBytes == 4 ? 0xffffffffL : -1);
        }
        boolean large = slot.level() > 1 && shape.mapsPages(slot.level()) && chance(20);
        long value = slot.level() == 1 ? frame() : large ? largeFrame(slot.level()) | Tables.LARGE : table(slot);
        value |= Tables.PRESENT;
        value |= chance(75) ? Tables.WRITABLE : 0;
        value |= chance(60) ? Tables.USER : 0;
        value |= random.nextLong() & ACCESSED_DIRTY;
        if (slot.global() && (slot.level() == 1 || large) && chance(60)) {
            value |= Tables.GLOBAL;
        }
        if (shape.entryBytes == 8) {
            value |= noExecute && chance(20) ? Tables.NO_EXECUTE : 0;
            value |= shape.wide && traits.keys() && chance(40) ? random.nextLong() & KEY : 0;
            value |= chance(2) ? RESERVED : 0;
            value |= large && chance(3) ? LARGE_RESERVED : 0;
        }
        return value;
    }

    private long largeFrame(int level) {
        if (level == 3) {
            return chance(60) ? 0 : 0x40000000L;
        }
        return Layout.LARGE_FRAMES + (shape == Shape.TWO_LEVEL ? 0 : (long) random.nextInt(2) << 21);
    }

    /** Whether the processor's supervisor can surely store through a path. */
    boolean writable(List<Long> path, Processor processor) {
        boolean user = true;
        for (long at : path) {
            long entry = tables.entry(at);
            boolean pdpte = shape == Shape.PAE && at == path.get(0);
            if ((entry & Tables.PRESENT) == 0
                    || !pdpte && (entry & Tables.WRITABLE) == 0 && (processor.cr0 & Processor.CR0_WP) != 0
                    || (entry & RESERVED) != 0
                    || (entry & Tables.LARGE) != 0 && path.size() == shape.levels - 2 && !traits.gigabyte()
                    || (entry & Tables.NO_EXECUTE) != 0 && !processor.noExecute()
                    || (entry & (Tables.LARGE | LARGE_RESERVED)) == (Tables.LARGE | LARGE_RESERVED)) {
                return false;
            }
            user &= pdpte || (entry & Tables.USER) != 0;
        }
        return !user || (processor.cr4 & (Processor.CR4_SMAP | Processor.CR4_PKE)) == 0;
    }
}
