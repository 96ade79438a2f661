package nestbox.x86.engine;

/**
 * Blocks by the address that control came to, for blocks with more followers than they have links: returns and indirect jumps. As
 * good as a link: an entry counts only in the epoch in which it was made.
 */
final class IndirectTargets {
    private static final int ENTRIES = 1 << 12;

    /** Words of an entry: RIP, epoch, block, and one that makes it a power of two. */
    private static final int ENTRY = 4;

    private final long[] words = new long[ENTRIES * ENTRY];

    private static int place(long rip) {
        return ((int) (rip ^ rip >>> 12) & (ENTRIES - 1)) * ENTRY;
    }

    /** The block at {@code rip}, or {@link CodeArena#NONE} if that is not known in this epoch. */
    int find(long rip, long epoch) {
        int at = place(rip);
        return words[at] == rip && words[at + 1] == epoch ? (int) words[at + 2] : CodeArena.NONE;
    }

    void put(long rip, long epoch, int block) {
        int at = place(rip);
        words[at] = rip;
        words[at + 1] = epoch;
        words[at + 2] = block;
    }
}
