package nestbox.mmu.core;

/**
 * The host's physical memory as the MMU core sees it: frames for tables that hardware walks, and access to all of memory. Every
 * write of the core, to its own tables and to guest memory, goes through {@link #write}; so a listener there sees them all.
 */
public interface HostFrames {
    /**
     * A zeroed 4-KiB frame.
     *
     * @throws OutOfFramesException if none is left
     */
    long allocate();

    /** A zeroed 4-KiB frame below 4 GiB, as CR3 needs it in PAE paging. */
    long allocateBelow4GiB();

    void free(long hpa);

    /** The value of 1, 2, 4 or 8 bytes at {@code hpa}, zero-extended; it lies within a page. */
    long read(long hpa, int bytes);

    void write(long hpa, int bytes, long value);

    default long read64(long hpa) {
        return read(hpa, 8);
    }

    default void write64(long hpa, long value) {
        write(hpa, 8, value);
    }
}
