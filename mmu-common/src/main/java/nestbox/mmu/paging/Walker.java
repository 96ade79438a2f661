package nestbox.mmu.paging;

/**
 * The page walk, for every {@link PagingMode}. The object holds the result of its last walk and is reused: a walk allocates
 * nothing.
 *
 * <p>Order (SDM Vol. 3, "Page-Fault Exceptions", "Accessed and Dirty Flags"): at each level first presence, then reserved
 * bits. An entry that references a table gets its accessed flag before that table is read, whatever follows. Rights are judged
 * once, at the leaf, and only a permitted access sets the leaf's accessed and dirty flags.
 */
public final class Walker {
    /** Outcomes. */
    public static final int MAPPED = 0;

    public static final int NOT_PRESENT = 1;
    /** A reserved bit is set; an EPT misconfiguration. */
    public static final int RESERVED = 2;

    public static final int DENIED = 3;
    /** The {@link TableReader} failed. */
    public static final int STAGE_FAILED = 4;

    public int outcome;
    /** Level of the entry that ended the walk. */
    public int level;
    /** Address that the linear address translates to. */
    public long physical;
    /** Size of the page, as a shift. */
    public int pageShift;
    /** Accumulated rights; on failure, of the entries up to the one that failed. */
    public int rights;

    public boolean global;
    public boolean dirty;
    /** Protection key. */
    public int key;
    /** The leaf as it stands after the walk, or the entry that failed. */
    public long entry;
    /** Physical address of {@link #entry}. */
    public long entryAddress;

    /** Highest level whose table this walk read. */
    public int firstLevel;
    /** By level: the table that the walk read there, and the rights accumulated above it. */
    public final long[] tables = new long[6];

    public final int[] tableRights = new int[6];

    private static final int ALL_RIGHTS = Access.READ | Access.WRITE | Access.EXECUTE | Access.USER;

    /**
     * Walks from the root.
     *
     * @param root CR3 or EPTP; its low bits are ignored
     * @param registers the four PDPTE registers, read in PAE paging only
     */
    public boolean walk(
            PagingMode mode,
            TableReader reader,
            long root,
            long[] registers,
            long linear,
            int access,
            Permissions permissions) {
        long table;
        if (mode.registers) {
            long pdpte = registers[(int) (linear >>> 30) & 3];
            if ((pdpte & 1) == 0) {
                level = mode.topLevel + 1;
                entry = pdpte;
                rights = ALL_RIGHTS;
                return end(NOT_PRESENT);
            }
            table = pdpte & mode.address;
        } else if (mode.format == PagingFormat.PAE_IN_MEMORY) {
            table = root & 0xffffffe0L;
        } else {
            table = root & mode.address;
        }
        return resume(mode, reader, mode.topLevel, table, ALL_RIGHTS, linear, access, permissions);
    }

    /** Walks on from {@code table}, the table of level {@code from}, above which entries granted {@code rightsAbove}. */
    public boolean resume(
            PagingMode mode,
            TableReader reader,
            int from,
            long table,
            int rightsAbove,
            long linear,
            int access,
            Permissions permissions) {
        long bits = mode.bits(rightsAbove);
        firstLevel = from;
        level = from;
        tables[from] = table;
        tableRights[from] = rightsAbove;
        while (true) {
            long at = tables[level] + (linear >>> mode.shift[level] & mode.indexMask) * mode.entryBytes;
            long found = reader.read(at, mode.entryBytes);
            entryAddress = at;
            entry = found;
            if (reader.failed()) {
                return end(STAGE_FAILED);
            }
            if ((found & mode.present) == 0) {
                rights = mode.rights(bits);
                return end(NOT_PRESENT);
            }
            boolean leaf = mode.leaf(found, level);
            if (mode.illegal(found, level, leaf)) {
                rights = mode.rights(bits);
                return end(RESERVED);
            }
            long here = bits & ((found ^ mode.inverted) | mode.ungoverned[level]);
            if (leaf) {
                if (finish(mode, reader, found, here, linear, access, permissions)) {
                    return outcome == MAPPED;
                }
            } else {
                long flag = mode.tableAccessed[level];
                if ((found & flag) == flag || reader.update(at, mode.entryBytes, found, found | flag)) {
                    bits = here;
                    level--;
                    tables[level] = found & mode.address;
                    tableRights[level] = mode.rights(bits);
                } else if (reader.failed()) {
                    return end(STAGE_FAILED);
                }
            }
        }
    }

    /** Judges the access at the leaf and sets its flags; false if the leaf changed meanwhile and must be read again. */
    private boolean finish(
            PagingMode mode,
            TableReader reader,
            long found,
            long bits,
            long linear,
            int access,
            Permissions permissions) {
        rights = mode.rights(bits);
        if (mode.shadowStack(tableRights[level], found)) {
            rights |= Access.SHADOW_STACK_PAGE;
        }
        key = mode.keyShift == 0 ? 0 : (int) (found >>> mode.keyShift) & 15;
        if (permissions.denies(access, rights, key)) {
            outcome = DENIED;
            return true;
        }
        long flags = mode.accessed | ((access & Access.WRITE) != 0 ? mode.dirty : 0);
        if ((found & flags) != flags) {
            if (!reader.update(entryAddress, mode.entryBytes, found, found | flags)) {
                outcome = STAGE_FAILED;
                return reader.failed();
            }
            entry = found | flags;
        }
        pageShift = mode.shift[level];
        long offset = (1L << pageShift) - 1;
        physical =
                (found & mode.address & ~offset) | (found & mode.folded[level]) << mode.foldedShift | (linear & offset);
        global = (found & mode.global) != 0;
        dirty = mode.dirty == 0 || (entry & mode.dirty) != 0;
        outcome = MAPPED;
        return true;
    }

    private boolean end(int how) {
        outcome = how;
        return false;
    }
}
