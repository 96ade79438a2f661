package nestbox.mmu.tlb;

/** Told when translations leave the cache, so that no faster copy of them outlives them. */
public interface TranslationListener {
    /** The page of {@code 1 << shift} bytes at {@code linear} is no longer cached; {@code attributes} as it was cached. */
    void dropped(long linear, int shift, int attributes);

    /** Many translations left; any may be gone. */
    void droppedMany();
}
