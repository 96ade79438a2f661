package nestbox.mmu.memory;

/** A device's registers behind a physical address range. Sizes are 1, 2, 4 or 8 bytes; values are zero-extended. */
public interface MmioHandler {
    long read(long offset, int size);

    void write(long offset, int size, long value);
}
