package nestbox.mmu.core;

/**
 * A root as hardware is to load it.
 *
 * @param hpa host-physical address of the top table; with {@code pae} of the four PDPTEs, below 4 GiB
 * @param level 5, 4 or 3 (PAE)
 * @param pae hardware walks PAE tables: four PDPTEs lie at {@code hpa}
 * @param accessedDirty accessed and dirty flags are on (EPTP bit 6)
 * @param fresh it was just built: load it and flush the current context before entering
 */
public record RootToLoad(long hpa, int level, boolean pae, boolean accessedDirty, boolean fresh) {
    /** The EPTP with write-back memory type. */
    public long eptp() {
        return hpa | 6 | (long) (level - 1) << 3 | (accessedDirty ? 1 << 6 : 0);
    }
}
