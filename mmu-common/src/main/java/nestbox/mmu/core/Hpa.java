package nestbox.mmu.core;

/** An address of the host's physical memory. */
public record Hpa(long value) {
    @Override
    public String toString() {
        return "hpa " + Long.toHexString(value);
    }
}
