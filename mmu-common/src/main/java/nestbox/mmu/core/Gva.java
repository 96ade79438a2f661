package nestbox.mmu.core;

/** A linear address of the guest that runs. */
public record Gva(long value) implements FaultAddress {
    @Override
    public String toString() {
        return "gva " + Long.toHexString(value);
    }
}
