package nestbox.testkit.differential;

/** The paging modes that a differential guest runs in. */
public enum Shape {
    TWO_LEVEL(2, 10, 4, false),
    PAE(3, 9, 8, false),
    FOUR_LEVEL(4, 9, 8, true),
    FIVE_LEVEL(5, 9, 8, true);

    private static final long PSE = 1 << 4;
    private static final long PHYSICAL_ADDRESS_EXTENSION = 1 << 5;
    private static final long PGE = 1 << 7;
    private static final long LA57 = 1 << 12;

    final int levels;
    final int indexBits;
    final int entryBytes;
    final boolean wide;

    Shape(int levels, int indexBits, int entryBytes, boolean wide) {
        this.levels = levels;
        this.indexBits = indexBits;
        this.entryBytes = entryBytes;
        this.wide = wide;
    }

    /** Bits of an address below what level {@code level}'s index selects. */
    int shift(int level) {
        return 12 + indexBits * (level - 1);
    }

    int index(long linear, int level) {
        int bits = this == PAE && level == levels ? 2 : indexBits;
        return (int) (linear >>> shift(level)) & (1 << bits) - 1;
    }

    /** CR4 at the start. */
    long cr4() {
        return switch (this) {
            case TWO_LEVEL -> PSE | PGE;
            case PAE, FOUR_LEVEL -> PHYSICAL_ADDRESS_EXTENSION | PGE;
            case FIVE_LEVEL -> PHYSICAL_ADDRESS_EXTENSION | PGE | LA57;
        };
    }

    /**
     * Bits of a register to invert for a single entry, none of {@code mode}'s if the guest uses PAE paging: another mode would set accessed
     * flags in its PDPTEs, where they are reserved.
     */
    long besideAccessedFlags(long bits, long mode) {
        return this == PAE ? bits & ~mode : bits;
    }

    /** Entries of this level may map a page. */
    boolean mapsPages(int level) {
        return level == 1 || level == 2 || level == 3 && wide;
    }
}
