package nestbox.mmu.paging;

/** Bits of a page fault's error code (SDM Vol. 3, "Page-Fault Exceptions"). */
public final class PageFault {
    /** The fault was no missing entry. */
    public static final int P = 1;

    public static final int W = 1 << 1;
    public static final int U = 1 << 2;
    public static final int RSVD = 1 << 3;
    public static final int I = 1 << 4;
    public static final int PK = 1 << 5;
    public static final int SS = 1 << 6;

    private PageFault() {}
}
