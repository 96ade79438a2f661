package nestbox.x86.engine;

/**
 * Blocks by the address that control came to, for blocks with more followers than they have links: returns and indirect jumps. As
 * good as a link: an entry counts only in the epoch in which it was made.
 */
final class IndirectTargets {
    private static final int ENTRIES = 1 << 12;
    private static final int MASK = ENTRIES - 1;

    private final long[] rips = new long[ENTRIES];
    private final long[] epochs = new long[ENTRIES];
    private final Block[] blocks = new Block[ENTRIES];

    private static int index(long rip) {
        return (int) (rip ^ rip >>> 12) & MASK;
    }

    /** The block at {@code rip}, or null if that is not known in this epoch. */
    Block find(long rip, long epoch) {
        int i = index(rip);
        return rips[i] == rip && epochs[i] == epoch ? blocks[i] : null;
    }

    void put(long rip, long epoch, Block block) {
        int i = index(rip);
        rips[i] = rip;
        epochs[i] = epoch;
        blocks[i] = block;
    }
}
