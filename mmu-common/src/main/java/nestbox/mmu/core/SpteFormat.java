package nestbox.mmu.core;

import nestbox.mmu.paging.Access;

/**
 * The bits of SPTEs: those that hardware knows and, in ignored positions, the core's own. An entry for MMIO is illegal for
 * hardware on purpose; it holds the gfn, the access rights and 19 bits of the slots' generation.
 */
final class SpteFormat {
    static final int LEVELS = 5;
    private static final long PAGE_SIZE_BIT = 1 << 7;
    private static final long FRAME = 0xf_ffff_ffff_f000L;
    /** Ignored by hardware: the entry is the core's and present. */
    private static final long PRESENT = 1 << 11;

    private static final long NX = 1L << 63;
    private static final int GENERATION_LOW_BITS = 8;
    private static final int GENERATION_LOW_SHIFT = 3;
    private static final int GENERATION_HIGH_SHIFT = 52;
    private static final long GENERATION = (1L << 19) - 1;
    /** How far the guarded address bits move (L1TF: no SPTE that is not present may look like one of cached memory). */
    private static final int GUARD_BITS = 5;

    private final boolean ept;
    private final boolean eptFlags;
    /** Software bits: the slot allows writing; nothing but dirty logging forbids it. */
    private final long hostWritable;

    private final long mmuWritable;
    private final long mmioValue;
    private final long mmioMask;
    private final long guard;
    private final long reserved;

    SpteFormat(MmuConfig config) {
        ept = config.format().ept();
        eptFlags = ept && config.accessedDirty();
        hostWritable = ept ? 1L << 57 : 1 << 9;
        mmuWritable = ept ? 1L << 58 : 1 << 10;
        int bits = config.physBits();
        boolean possible = config.mmioCaching() && (ept || bits < 52);
        mmioValue = !possible ? 0 : ept ? 6 : 1L << 51 | 1;
        mmioMask = ept ? 7 | PRESENT : 1L << 51 | 1 | PRESENT;
        guard = bits < 52 - GUARD_BITS ? (1L << bits) - 1 & -1L << bits - GUARD_BITS : 0;
        reserved = (1L << 52) - 1 & -1L << bits;
    }

    boolean mmioCaching() {
        return mmioValue != 0;
    }

    /** Access rights that an MMIO entry keeps. */
    int mmioAccessMask() {
        return ept ? 0 : Access.WRITE | Access.USER;
    }

    boolean present(long spte) {
        return (spte & PRESENT) != 0;
    }

    boolean mmio(long spte) {
        return mmioValue != 0 && (spte & mmioMask) == mmioValue;
    }

    boolean leaf(long spte, int level) {
        return level == 1 || (spte & PAGE_SIZE_BIT) != 0;
    }

    boolean presentLeaf(long spte, int level) {
        return present(spte) && leaf(spte, level);
    }

    /** Whether hardware would take a present entry for an illegal one. */
    boolean illegal(long spte) {
        return (spte & reserved) != 0;
    }

    long frame(long spte) {
        return spte & FRAME;
    }

    long table(long hpa, boolean noFlags) {
        if (ept) {
            return hpa | 7 | PRESENT | (eptFlags && !noFlags ? 1 << 8 : 0);
        }
        return hpa | 7 | 1 << 5 | PRESENT;
    }

    /** A PDPTE of hardware's PAE paging. */
    static long pdpte(long hpa) {
        return hpa | 1;
    }

    /**
     * A leaf.
     *
     * @param access {@link Access} rights; writing only if {@code mayWrite}
     * @param slotWritable the slot allows writing
     * @param mayWrite writes need not be watched
     * @param nowWrite {@code mayWrite}, and writes need not be logged
     */
    long leaf(long hpa, int level, int access, boolean slotWritable, boolean mayWrite, boolean nowWrite) {
        boolean writable = (access & Access.WRITE) != 0;
        long spte = hpa | PRESENT | (level > 1 ? PAGE_SIZE_BIT : 0) | (slotWritable ? hostWritable : 0);
        if (writable && mayWrite) {
            spte |= mmuWritable;
        }
        if (ept) {
            spte |= access & (Access.READ | Access.EXECUTE) | 6 << 3 | 1 << 6 | (eptFlags ? 1 << 8 : 0);
        } else {
            spte |= 1 | 1 << 5 | ((access & Access.USER) != 0 ? 4 : 0) | ((access & Access.EXECUTE) == 0 ? NX : 0);
        }
        return writable && mayWrite && nowWrite ? makeWritable(spte) : spte;
    }

    boolean writable(long spte) {
        return (spte & 2) != 0;
    }

    /** Whether a write fault needs nothing but the write bit. */
    boolean fastWritable(long spte) {
        return (spte & hostWritable) != 0 && (spte & mmuWritable) != 0;
    }

    boolean slotWritable(long spte) {
        return (spte & hostWritable) != 0;
    }

    long makeWritable(long spte) {
        return spte | 2 | (ept ? eptFlags ? 1 << 9 : 0 : 1 << 6);
    }

    /** @param watched writes must come to the core, and not only to be logged */
    long writeProtected(long spte, boolean watched) {
        return spte & ~2L & ~(watched ? mmuWritable : 0);
    }

    /** The {@link Access} rights that hardware grants by a present leaf. */
    int access(long spte) {
        if (ept) {
            return (int) spte & 7 | Access.USER;
        }
        return Access.READ
                | (int) spte & 2
                | ((spte & 4) != 0 ? Access.USER : 0)
                | ((spte & NX) == 0 ? Access.EXECUTE : 0);
    }

    long mmio(long gfn, int access, long generation) {
        long gpa = gfn << 12;
        long low = generation & (1 << GENERATION_LOW_BITS) - 1;
        long high = (generation & GENERATION) >>> GENERATION_LOW_BITS;
        long rights = ept ? 0 : access & Access.WRITE | ((access & Access.USER) != 0 ? 4 : 0);
        return mmioValue
                | rights
                | gpa
                | guard
                | (gpa & guard) << GUARD_BITS
                | low << GENERATION_LOW_SHIFT
                | high << GENERATION_HIGH_SHIFT;
    }

    long mmioGfn(long spte) {
        long valueBits = ept ? 0 : mmioValue & FRAME;
        long moved = spte >>> GUARD_BITS & guard;
        return (spte & FRAME & ~guard & ~(guard << GUARD_BITS) & ~valueBits | moved) >>> 12;
    }

    int mmioAccess(long spte) {
        return ept ? 0 : (int) spte & Access.WRITE | ((spte & 4) != 0 ? Access.USER : 0);
    }

    boolean mmioCurrent(long spte, long generation) {
        return generation >= 0 && generationOf(spte) == mmioGeneration(generation);
    }

    /** The generation that an MMIO entry was made under, as much of it as entries keep. */
    long generationOf(long spte) {
        long low = spte >>> GENERATION_LOW_SHIFT & (1 << GENERATION_LOW_BITS) - 1;
        long high = spte >>> GENERATION_HIGH_SHIFT & GENERATION >>> GENERATION_LOW_BITS;
        return high << GENERATION_LOW_BITS | low;
    }

    /** As much of a generation as entries keep. */
    long mmioGeneration(long generation) {
        return generation & GENERATION;
    }
}
