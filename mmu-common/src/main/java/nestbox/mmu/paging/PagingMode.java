package nestbox.mmu.paging;

/** A {@link PagingFormat} within {@link PagingLimits}, as the masks that a {@link Walker} works with. Immutable. */
public final class PagingMode {
    private static final long LARGE = 1 << 7;
    private static final long NX = 1L << 63;
    private static final long USER_EXECUTE = 1 << 10;

    public final PagingFormat format;
    public final PagingLimits limits;
    /** The level at which a walk from CR3 (or the EPTP) begins; one below the registers in PAE paging. */
    public final int topLevel;

    final boolean registers;
    final int entryBytes;
    final int indexMask;
    final long present;
    final long read;
    final long write;
    final long execute;
    final long user;
    final long inverted;
    final long accessed;
    final long dirty;
    final long global;
    final int keyShift;
    /** The format knows shadow-stack pages: entries have a dirty flag and a write bit of their own meaning. */
    private final boolean shadowStacks;
    /** Set of values of bits 2:0 that make an entry illegal, by themselves and 8 higher with {@link #userExecute}. */
    final int illegalRights;

    /** EPT's bit 10 under mode-based execute control, or 0. */
    final long userExecute;

    final int illegalTypes;
    final long address;
    final int foldedShift;

    /** By level, 1 being the lowest. */
    final int[] shift;

    final long[] large;
    final long[] reservedTable;
    final long[] reservedLeaf;
    final long[] folded;
    /** Rights that a level's entries do not govern. */
    final long[] ungoverned;
    /** The accessed flag of entries that reference tables. */
    final long[] tableAccessed;

    public PagingMode(PagingFormat format, PagingLimits limits) {
        this.format = format;
        this.limits = limits;
        PagingFormat.Bits bits = format.bits;
        registers = bits.registers();
        topLevel = registers ? format.levels() - 1 : format.levels();
        entryBytes = bits.entryBytes();
        indexMask = (1 << bits.indexBits()) - 1;
        boolean modeBased = limits.has(PagingFeature.EPT_MODE_BASED_EXECUTE);
        userExecute = modeBased ? USER_EXECUTE : 0;
        present = bits.present() | userExecute;
        read = bits.read();
        write = bits.write();
        execute = bits.execute();
        user = bits.user() | userExecute;
        inverted = bits.inverted();
        boolean flags = !bits.extended() || limits.has(PagingFeature.EPT_ACCESSED_DIRTY);
        accessed = flags ? bits.accessed() : 0;
        dirty = flags ? bits.dirty() : 0;
        global = limits.has(PagingFeature.GLOBAL_PAGES) ? bits.global() : 0;
        shadowStacks = !bits.extended();
        keyShift = limits.has(PagingFeature.PROTECTION_KEYS) ? bits.keyShift() : 0;
        boolean executeOnlyIllegal = bits.extended() && !limits.has(PagingFeature.EPT_EXECUTE_ONLY);
        int illegal = bits.illegalRights() | (executeOnlyIllegal ? 1 << 4 : 0);
        illegalRights = illegal | (illegal | (executeOnlyIllegal ? 1 : 0)) << 8;
        illegalTypes = bits.illegalTypes();
        address = (1L << Math.min(limits.physBits(), bits.addressEnd())) - 1 & ~0xfffL;
        foldedShift = bits.foldedShift();
        int count = format.levels() + 1;
        shift = new int[count];
        large = new long[count];
        reservedTable = new long[count];
        reservedLeaf = new long[count];
        folded = new long[count];
        ungoverned = new long[count];
        tableAccessed = new long[count];
        for (int level = 1; level < count; level++) {
            compile(level, format.levels.get(level - 1), bits);
        }
    }

    private void compile(int level, LevelFormat row, PagingFormat.Bits bits) {
        long high = range(limits.physBits(), bits.addressEnd());
        boolean nxReserved = (bits.inverted() & NX) != 0
                && entryBytes == 8
                && (row.pointer() || !limits.has(PagingFeature.EXECUTE_DISABLE));
        long everywhere = high | (nxReserved ? NX : 0);
        shift[level] = 12 + (level - 1) * bits.indexBits();
        reservedTable[level] = everywhere | row.reservedTable();
        reservedLeaf[level] = everywhere | row.reservedLeaf();
        if (row.top() && limits.has(PagingFeature.TOP_BIT8_RESERVED)) {
            reservedTable[level] |= 1 << 8;
        }
        switch (row.large()) {
            case ALWAYS -> large[level] = LARGE;
            case WITH_PSE -> large[level] = limits.has(PagingFeature.PAGE_SIZE_EXTENSIONS) ? LARGE : 0;
            case WITH_GIGABYTE_PAGES -> largeOrReserved(level, PagingFeature.GIGABYTE_PAGES);
            case WITH_EPT_LARGE_PAGES -> largeOrReserved(level, PagingFeature.EPT_LARGE_PAGES);
            case NEVER -> large[level] = 0;
        }
        if (level > 1 && bits.foldedBits() != 0) {
            long usable = limits.has(PagingFeature.PSE36) ? (1L << limits.physBits()) - 1 >>> bits.foldedShift() : 0;
            folded[level] = bits.foldedBits() & usable;
            reservedLeaf[level] |= bits.foldedBits() & ~usable;
        }
        ungoverned[level] = row.pointer() ? -1 : 0;
        tableAccessed[level] = row.pointer() ? 0 : accessed;
    }

    private void largeOrReserved(int level, PagingFeature feature) {
        if (limits.has(feature)) {
            large[level] = LARGE;
        } else {
            reservedTable[level] |= LARGE;
        }
    }

    private static long range(int from, int to) {
        return from >= to ? 0 : (-1L << from) & (-1L >>> (64 - to));
    }

    /** The physical address in an entry. */
    public long frame(long entry) {
        return entry & address;
    }

    /** Linear-address bits below which a page mapped at {@code level} is contiguous. */
    public int shift(int level) {
        return shift[level];
    }

    /** Whether a present PDPTE has reserved bits set, for loading the registers of PAE paging. */
    public boolean pdpteReserved(long pdpte) {
        return (pdpte & 1) != 0 && (pdpte & reservedTable[3]) != 0;
    }

    /** Whether a leaf below entries that granted {@code rightsAbove} maps a shadow-stack page. */
    boolean shadowStack(int rightsAbove, long leaf) {
        return shadowStacks
                && (leaf & (write | dirty)) == dirty
                && (rightsAbove & (Access.READ | Access.WRITE)) == (Access.READ | Access.WRITE);
    }

    /** Bytes of an entry, 4 or 8. */
    public int entryBytes() {
        return entryBytes;
    }

    public boolean present(long entry) {
        return (entry & present) != 0;
    }

    /** Whether a present entry of {@code level} maps a page. */
    public boolean leaf(long entry, int level) {
        return level == 1 || (entry & large[level]) != 0;
    }

    /** Whether a present entry has reserved bits set (EPT: is misconfigured). */
    public boolean illegal(long entry, int level, boolean leaf) {
        long reserved = leaf ? reservedLeaf[level] : reservedTable[level];
        return (entry & reserved) != 0
                || (illegalRights >>> (entry & 7 | (entry & userExecute) >>> 7) & 1) != 0
                || (leaf && (illegalTypes >>> (entry >>> 3 & 7) & 1) != 0);
    }

    /** {@link Access} rights that a present entry of {@code level} grants by itself. */
    public int grants(long entry, int level) {
        return rights(entry ^ inverted | ungoverned[level]);
    }

    /** Whether a leaf has its accessed flag set, or there is none. */
    public boolean accessed(long leaf) {
        return (leaf & accessed) == accessed;
    }

    /** Whether a leaf has its dirty flag set, or there is none. */
    public boolean dirty(long leaf) {
        return (leaf & dirty) == dirty;
    }

    /** The rights that accumulated entry bits leave. */
    int rights(long bits) {
        return ((bits & read) == read ? Access.READ : 0)
                | ((bits & write) == write ? Access.WRITE : 0)
                | ((bits & execute) == execute ? Access.EXECUTE : 0)
                | ((bits & user) == user ? Access.USER : 0);
    }

    /** Accumulated entry bits that leave exactly {@code rights}. */
    long bits(int rights) {
        return -1L
                & ~((rights & Access.READ) == 0 ? read : 0)
                & ~((rights & Access.WRITE) == 0 ? write : 0)
                & ~((rights & Access.EXECUTE) == 0 ? execute : 0)
                & ~((rights & Access.USER) == 0 ? user : 0);
    }
}
