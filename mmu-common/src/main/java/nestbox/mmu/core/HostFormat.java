package nestbox.mmu.core;

/** The tables that L0 gives to hardware. */
public enum HostFormat {
    EPT_4(true, 4),
    EPT_5(true, 5),
    /** The processor's own paging format: shadow paging, and nested paging of a 64-bit host. */
    CLASSIC_4(false, 4),
    CLASSIC_5(false, 5),
    /** Nested paging of a 32-bit host; shadow tables of guests with 32-bit linear addresses always have it. */
    PAE(false, 3);

    private final boolean ept;
    private final int levels;

    HostFormat(boolean ept, int levels) {
        this.ept = ept;
        this.levels = levels;
    }

    public boolean ept() {
        return ept;
    }

    public int levels() {
        return levels;
    }
}
