package nestbox.mmu.core;

import java.util.Arrays;

/** A table that hardware walks, and what it stands for. */
final class ShadowPage {
    static final int ENTRIES = 512;
    private static final int ACCESS_BITS = 4;

    final int id;
    /** Host frame of the table. */
    final long table;

    /** The guest's table that it shadows, or with a direct role the first frame that it maps. */
    final long gfn;

    final int role;
    final int generation;
    /** Entries that are not 0. */
    int used;
    /** Roots of vCPUs. */
    int rootCount;
    /** Zapped, but still a root somewhere. */
    boolean invalid;
    /** The guest may have changed its table since. */
    boolean unsync;
    /** Emulated writes since the page was used last. */
    int writes;

    /** Entries below which pages are unsync, a bit each; too many may be set. */
    int unsyncChildren;

    private long[] unsyncBits;
    /** Entries that reference this page, as {@link #handle}s. */
    private int[] parents = new int[1];

    private int parentCount;
    /** Of an indirect page, what each leaf maps: gfn and access. */
    private long[] translations;

    ShadowPage hashNext;

    ShadowPage(int id, long table, long gfn, int role, int generation) {
        this.id = id;
        this.table = table;
        this.gfn = gfn;
        this.role = role;
        this.generation = generation;
    }

    int level() {
        return Role.level(role);
    }

    boolean direct() {
        return Role.has(role, Role.DIRECT);
    }

    /** Names one of the page's entries. */
    int handle(int index) {
        return id << 9 | index;
    }

    static int pageOf(int handle) {
        return handle >>> 9;
    }

    static int indexOf(int handle) {
        return handle & ENTRIES - 1;
    }

    /** First guest frame that the leaf at {@code index} maps. */
    long leafGfn(int index) {
        return direct()
                ? gfn + ((long) index << 9 * (level() - 1))
                : translations == null ? -1 : translations[index] >>> ACCESS_BITS;
    }

    /** Access that an indirect page's leaf was made with. */
    int leafAccess(int index) {
        return (int) translations[index] & (1 << ACCESS_BITS) - 1;
    }

    void setTranslation(int index, long leafGfn, int access) {
        if (direct()) {
            return;
        }
        if (translations == null) {
            translations = new long[ENTRIES];
        }
        translations[index] = leafGfn << ACCESS_BITS | access;
    }

    int parentCount() {
        return parentCount;
    }

    int parent(int i) {
        return parents[i];
    }

    void addParent(int handle) {
        if (parentCount == parents.length) {
            parents = Arrays.copyOf(parents, 2 * parentCount);
        }
        parents[parentCount++] = handle;
    }

    void removeParent(int handle) {
        for (int i = parentCount - 1; i >= 0; i--) {
            if (parents[i] == handle) {
                parents[i] = parents[--parentCount];
                return;
            }
        }
    }

    /** Notes that pages below an entry are unsync; true if it is the first such entry. */
    boolean setUnsyncBit(int index) {
        if (unsyncBits == null) {
            unsyncBits = new long[ENTRIES / 64];
        }
        long bit = 1L << index;
        if ((unsyncBits[index >>> 6] & bit) != 0) {
            return false;
        }
        unsyncBits[index >>> 6] |= bit;
        return unsyncChildren++ == 0;
    }

    /** The first such entry from {@code from} on, or -1. */
    int nextUnsync(int from) {
        if (unsyncChildren == 0) {
            return -1;
        }
        for (int word = from >>> 6; word < unsyncBits.length; word++) {
            long bits = unsyncBits[word];
            if (word == from >>> 6) {
                bits &= -1L << from;
            }
            if (bits != 0) {
                return word << 6 | Long.numberOfTrailingZeros(bits);
            }
        }
        return -1;
    }

    void clearUnsyncBit(int index) {
        long bit = 1L << index;
        if (unsyncBits != null && (unsyncBits[index >>> 6] & bit) != 0) {
            unsyncBits[index >>> 6] &= ~bit;
            unsyncChildren--;
        }
    }

    /** Guest-physical address of the entry that {@code index} shadows, of {@code bytes} bytes; the level is 1. */
    long gpteAddress(int index, int bytes) {
        return (gfn << 12) + (long) (Role.quadrant(role) * (bytes == 4 ? ENTRIES : 0) + index) * bytes;
    }
}
