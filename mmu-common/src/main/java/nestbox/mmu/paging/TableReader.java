package nestbox.mmu.paging;

/**
 * Where a {@link Walker} reads and updates table entries: physical memory, or, for a guest's tables, memory behind a second
 * stage of translation. Such a stage can fail; it then keeps what it knows about the failure for its owner.
 */
public interface TableReader {
    /** The entry of {@code bytes} (4 or 8) at {@code address}, zero-extended. */
    long read(long address, int bytes);

    /**
     * Atomically replaces the entry by {@code value} if it still is {@code expected}.
     *
     * @return false if it is not, or if the write {@link #failed}
     */
    boolean update(long address, int bytes, long expected, long value);

    /** Whether the last read or update failed in a second stage. */
    default boolean failed() {
        return false;
    }
}
