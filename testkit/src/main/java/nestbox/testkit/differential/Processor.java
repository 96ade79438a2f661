package nestbox.testkit.differential;

/** What the generator knows of one processor. */
final class Processor {
    static final long CR0_WP = 1 << 16;
    static final long CR0_PG = 1L << 31;
    static final long CR4_PSE = 1 << 4;
    static final long CR4_PGE = 1 << 7;
    static final long CR4_PAE = 1 << 5;
    static final long CR4_LA57 = 1 << 12;
    static final long CR4_PCIDE = 1 << 17;
    static final long CR4_SMEP = 1 << 20;
    static final long CR4_SMAP = 1 << 21;
    static final long CR4_PKE = 1 << 22;
    static final long EFER_NXE = 1 << 11;

    final int id;
    /** Which paging mode of the guest's. */
    int view;

    int space;
    long cr0 = CR0_PG | CR0_WP;
    long cr4;
    long efer = EFER_NXE;
    /** Something may be cached that the tables no longer say: everything has to go before the next access. */
    boolean stale;
    /** PDPTEs in memory have changed since the registers were loaded. */
    boolean deferred;
    /** The same of one space's PCID, which must be entered with a flush. */
    final boolean[] dirty = new boolean[Tables.SPACES];

    Processor(int id, Shape shape) {
        this.id = id;
        cr4 = shape.cr4();
    }

    boolean paging() {
        return (cr0 & CR0_PG) != 0;
    }

    boolean pcids() {
        return (cr4 & CR4_PCIDE) != 0;
    }

    boolean pageSizeExtension() {
        return (cr4 & CR4_PSE) != 0;
    }

    boolean noExecute() {
        return (efer & EFER_NXE) != 0;
    }

    int pcid(int ofSpace) {
        return pcids() ? ofSpace + 1 : 0;
    }

    boolean keys() {
        return (cr4 & CR4_PKE) != 0;
    }

    /** Nothing is cached, and PDPTE registers are as memory is. */
    void clean() {
        deferred = false;
        stale = false;
        dirty[0] = false;
        dirty[1] = false;
    }
}
