package nestbox.mmu.core;

/** A physical address of L2 that EPT12 or NPT12 has yet to translate into a {@link Gpa}. */
public record Ngpa(long value) implements FaultAddress {
    /**
     * The same number as an L1 address, which it is not. Only policies that reproduce a confusion of the two may call this.
     */
    public Gpa unsafeAsGpa() {
        return new Gpa(value);
    }

    @Override
    public String toString() {
        return "ngpa " + Long.toHexString(value);
    }
}
