package nestbox.mmu.core;

import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;

/** A {@link Slot} that is installed, with what the core knows about its pages. */
final class MemorySlot {
    private static final int CHUNK_SHIFT = 9;
    private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
    static final int LEVELS = 3;
    /** Largest slot that a saved state has: 4 TiB. */
    private static final long MOST_PAGES = 1L << 30;
    /** Pages of the widest physical address. */
    private static final long END = 1L << 40;

    final long base;
    final long end;
    /** It is being deleted or moved. */
    boolean invalid;
    /** With dirty logging, a bit for each page. */
    long[] dirty;

    private Slot slot;
    private final long hpaBase;
    /** Reverse-map heads by level less 1, in chunks that are made when they are first used. */
    private final int[][][] heads = new int[LEVELS][][];

    MemorySlot(Slot slot) {
        this.slot = slot;
        base = slot.baseGfn();
        end = slot.endGfn();
        hpaBase = slot.hpaBase();
        setDirtyLog(slot);
    }

    Slot slot() {
        return slot;
    }

    void setDirtyLog(Slot changed) {
        slot = changed;
        dirty = changed.dirtyLog() ? new long[(int) (changed.pages() + 63 >>> 6)] : null;
    }

    void markDirty(long gfn) {
        if (dirty != null) {
            long page = gfn - base;
            dirty[(int) (page >>> 6)] |= 1L << page;
        }
    }

    long hpa(long gfn) {
        return hpaBase + (gfn - base << 12);
    }

    /** The reverse-map head of the page of {@code level} that holds {@code gfn}. */
    int head(int level, long gfn) {
        int[][] chunks = heads[level - 1];
        if (chunks == null) {
            return 0;
        }
        int index = index(level, gfn);
        int[] chunk = chunks[index >>> CHUNK_SHIFT];
        return chunk == null ? 0 : chunk[index & CHUNK_MASK];
    }

    void setHead(int level, long gfn, int value) {
        int[][] chunks = heads[level - 1];
        if (chunks == null) {
            chunks = new int[(index(level, end - 1) >>> CHUNK_SHIFT) + 1][];
            heads[level - 1] = chunks;
        }
        int index = index(level, gfn);
        int[] chunk = chunks[index >>> CHUNK_SHIFT];
        if (chunk == null) {
            if (value == 0) {
                return;
            }
            chunk = new int[Math.min(1 << CHUNK_SHIFT, index(level, end - 1) + 1)];
            chunks[index >>> CHUNK_SHIFT] = chunk;
        }
        chunk[index & CHUNK_MASK] = value;
    }

    private int index(int level, long gfn) {
        int shift = 9 * (level - 1);
        return (int) ((gfn >>> shift) - (base >>> shift));
    }

    /** Whether anything of this level may be mapped. */
    boolean hasLevel(int level) {
        return heads[level - 1] != null;
    }

    /** Whether the page of {@code level} around {@code gfn} lies in the slot, with host memory aligned alike. */
    boolean canMap(int level, long gfn) {
        long pages = 1L << 9 * (level - 1);
        long first = gfn & -pages;
        return first >= base && first + pages <= end && (hpa(first) & (pages << 12) - 1) == 0;
    }

    void save(StateWriter out) {
        out.writeInt(slot.id())
                .writeLong(slot.baseGfn())
                .writeLong(slot.pages())
                .writeLong(slot.hpaBase());
        out.writeBoolean(slot.readOnly()).writeBoolean(slot.dirtyLog()).writeBoolean(slot.apicAccess());
        if (dirty != null) {
            out.writeLongs(dirty);
        }
    }

    private static boolean inRange(long page, long pages) {
        return page >= 0 && pages >= 0 && pages <= MOST_PAGES && page <= END - pages;
    }

    static MemorySlot restored(StateReader in) {
        Slot slot = new Slot(
                in.readInt(),
                in.readLong(),
                in.readLong(),
                in.readLong(),
                in.readBoolean(),
                in.readBoolean(),
                in.readBoolean());
        boolean possible = inRange(slot.baseGfn(), slot.pages()) && inRange(slot.hpaBase() >>> 12, slot.pages());
        if (!possible || (slot.hpaBase() & 0xfff) != 0) {
            throw new NestboxException("state", "no memory slot: " + slot);
        }
        MemorySlot restored = new MemorySlot(slot);
        if (restored.dirty != null) {
            in.readLongs(restored.dirty);
        }
        return restored;
    }
}
