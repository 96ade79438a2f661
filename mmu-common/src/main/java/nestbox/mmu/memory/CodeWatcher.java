package nestbox.mmu.memory;

/** A holder of translated code, such as a processor's block cache. */
public interface CodeWatcher {
    /** A page has come to hold code: fast stores into it must be forgotten. */
    void codePageMarked(long physical);

    /** Told before bytes are stored into a granule that {@link PhysicalMemory#markCode} marked. */
    void beforeCodeWrite(long physical, int length);
}
