package nestbox.testkit.guest;

import java.util.HashMap;
import java.util.Map;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;

/**
 * One hierarchy of page tables, filled in before the guest's own code runs. Its name is a label for the root's physical address, so
 * that {@code mov cr3, rax} and an EPTP can use it.
 *
 * <pre>{@code
 * Guest.longMode()
 *         .page("old", 'O')
 *         .tables("a", t -> t.identity(1L << 30).map(0x40000000L, "old").entry("a_x"))
 *         .body("mov dword [a_x], new + 3 ...")
 * }</pre>
 *
 * <p>Where no flags are given a page may be read, written and executed: by the supervisor alone in the guest's own paging, by
 * everybody in nested paging, and with memory type write-back in EPT.
 */
public final class PageTables {
    private static final long LARGE = 1 << 7;

    private final Frames frames;
    private final Kind kind;
    private final PagingMode mode;
    private final long root;
    /** Frames of tables by the address of the entry that references them. */
    private final Map<Long, Long> tables = new HashMap<>();

    private long tableFlags;
    private long pageFlags;
    private long last;
    /** Addresses below are mapped to themselves. */
    private long identity;

    /** Which tables, and what their entries hold where nothing else is said. */
    enum Kind {
        TWO_LEVEL(PagingFormat.TWO_LEVEL, 3, 3),
        PAE(PagingFormat.PAE_IN_MEMORY, 3, 3),
        FOUR_LEVEL(PagingFormat.FOUR_LEVEL, 3, 3),
        FIVE_LEVEL(PagingFormat.FIVE_LEVEL, 3, 3),
        NPT(PagingFormat.FOUR_LEVEL, 7, 7),
        EPT(PagingFormat.EPT, 7, 0x37);

        private final PagingFormat format;
        private final long tableFlags;
        private final long pageFlags;

        Kind(PagingFormat format, long tableFlags, long pageFlags) {
            this.format = format;
            this.tableFlags = tableFlags;
            this.pageFlags = pageFlags;
        }
    }

    PageTables(Frames frames, Kind kind, String name) {
        this.frames = frames;
        this.kind = kind;
        mode = new PagingMode(
                kind.format,
                PagingLimits.of(
                        52,
                        57,
                        PagingFeature.PAGE_SIZE_EXTENSIONS,
                        PagingFeature.EPT_LARGE_PAGES,
                        PagingFeature.EXECUTE_DISABLE));
        tableFlags = kind.tableFlags;
        pageFlags = kind.pageFlags;
        root = frames.take(name);
    }

    /** From here on entries permit user accesses, too. */
    public PageTables user() {
        tableFlags |= 4;
        pageFlags |= 4;
        return this;
    }

    /** Maps the first {@code bytes} to themselves by large pages (2 MiB, in two-level paging 4 MiB). */
    public PageTables identity(long bytes) {
        identity = bytes;
        long size = 1L << mode.shift(2);
        long inOneTable = 1L << mode.shift(3 <= kind.format.levels() ? 3 : 2) + (kind == Kind.TWO_LEVEL ? 10 : 0);
        for (long at = 0; at < bytes; at += inOneTable) {
            int count = (int) (Math.min(bytes - at, inOneTable) / size);
            long step = mode.entryBytes() == 8 ? size : size & 0xffffffffL;
            frames.preset(entryAddress(at, 2), count, mode.entryBytes(), at | pageFlags | LARGE, step);
        }
        return this;
    }

    /** Maps a 4-KiB page. */
    public PageTables map(long address, long frame) {
        return put(address, 1, Frames.hex(frame | pageFlags));
    }

    /**
     * Maps a 4-KiB page to a frame that a label or an expression of labels names.
     *
     * @param flags the entry's other bits
     */
    public PageTables map(long address, String frame, long flags) {
        return put(address, 1, frame + " + " + Frames.hex(flags));
    }

    /** Maps a 4-KiB page to a frame that a label names. */
    public PageTables map(long address, String frame) {
        return map(address, frame, pageFlags);
    }

    /** Maps a large page (2 MiB, in two-level paging 4 MiB). */
    public PageTables large(long address, long frame) {
        return put(address, 2, Frames.hex(frame | pageFlags | LARGE));
    }

    /** As {@link #large(long, long)} for a frame that a label names. */
    public PageTables large(long address, String frame) {
        return put(address, 2, frame + " + " + Frames.hex(pageFlags | LARGE));
    }

    /** Makes the tables down to the last level for an address and leaves its entry not present. */
    public PageTables absent(long address) {
        return put(address, 1, "0");
    }

    /** Writes an entry as it is; level 1 is the lowest. */
    public PageTables raw(long address, int level, String entry) {
        return put(address, level, entry);
    }

    /** Gives the entry that was written last a label, for code that edits it. */
    public PageTables entry(String label) {
        frames.name(label, last);
        return this;
    }

    private PageTables put(long address, int level, String entry) {
        last = entryAddress(address, level);
        frames.preset(last, mode.entryBytes(), entry);
        return this;
    }

    /** Where the entry of a level lies, after the tables above it have been made. */
    private long entryAddress(long address, int level) {
        long table = root;
        for (int above = kind.format.levels(); ; above--) {
            int bits = mode.entryBytes() == 8 ? 9 : 10;
            long at = table + (address >>> mode.shift(above) & (1 << bits) - 1) * mode.entryBytes();
            if (above == level) {
                return at;
            }
            int below = above - 1;
            long flags = kind == Kind.PAE && above == 3 ? 1 : tableFlags;
            table = tables.computeIfAbsent(at, unused -> {
                long made = frames.take();
                frames.preset(at, mode.entryBytes(), Frames.hex(made | flags));
                if (below == 1 && address < identity) {
                    split(made, address);
                }
                return made;
            });
        }
    }

    /** A table of small pages in place of a large one of the identity map. */
    private void split(long table, long address) {
        long size = 1L << mode.shift(2);
        int count = (int) (size / Frames.BYTES);
        frames.preset(table, count, mode.entryBytes(), address & -size | pageFlags, Frames.BYTES);
    }
}
