package nestbox.mmu.core;

/**
 * Bits of the error code of a page fault as the core takes it: those of #PF and NPF (SDM Vol. 3, "Page-Fault Exceptions"; APM
 * Vol. 2, "Nested Paging"), and KVM's own above them. For an EPT violation, {@link #USER} means a read, {@link #WRITE} a
 * write, {@link #FETCH} a fetch, {@link #PRESENT} that the entry granted any right; an EPT misconfiguration is {@link #RSVD}
 * alone.
 */
public final class PfError {
    public static final long PRESENT = 1;
    public static final long WRITE = 1 << 1;
    public static final long USER = 1 << 2;
    public static final long RSVD = 1 << 3;
    public static final long FETCH = 1 << 4;
    public static final long PK = 1 << 5;
    public static final long SHADOW_STACK = 1 << 6;
    public static final long GUEST_FINAL = 1L << 32;
    public static final long GUEST_PAGE = 1L << 33;
    /** Not from hardware: an implicit supervisor access. */
    public static final long IMPLICIT_ACCESS = 1L << 48;
    /** Not from hardware: an access to private memory. */
    public static final long PRIVATE_ACCESS = 1L << 49;

    private PfError() {}
}
