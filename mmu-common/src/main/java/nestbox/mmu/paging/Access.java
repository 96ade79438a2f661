package nestbox.mmu.paging;

/**
 * What a memory access wants, as a bit set. A read-modify-write carries both {@link #READ} and {@link #WRITE} and is
 * checked as a write.
 */
public final class Access {
    public static final int READ = 1;
    public static final int WRITE = 2;
    public static final int EXECUTE = 4;
    /** A user-mode access (CPL 3 and not implicit). */
    public static final int USER = 8;
    /** An implicit supervisor access (descriptor tables, TSS): supervisor whatever the CPL, and SMAP ignores EFLAGS.AC. */
    public static final int IMPLICIT = 16;
    /** A shadow-stack access (CET). */
    public static final int SHADOW_STACK = 32;

    /**
     * Among the rights that a walk finds, beside READ, WRITE, EXECUTE and USER: the page is a shadow-stack page, writable but for
     * a leaf that is read-only and dirty (SDM Vol. 3, "Shadow-Stack Pages").
     */
    public static final int SHADOW_STACK_PAGE = 16;

    private Access() {}
}
