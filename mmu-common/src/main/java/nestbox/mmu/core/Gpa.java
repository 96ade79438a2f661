package nestbox.mmu.core;

/** A physical address of L1: what memory slots are indexed by. */
public record Gpa(long value) implements FaultAddress {
    /** Address without its low 12 bits. */
    public long gfn() {
        return value >>> 12;
    }

    @Override
    public String toString() {
        return "gpa " + Long.toHexString(value);
    }
}
