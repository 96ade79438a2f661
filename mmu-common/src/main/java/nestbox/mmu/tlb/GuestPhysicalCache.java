package nestbox.mmu.tlb;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;

/**
 * Guest-physical mappings and the paging-structure entries that lead to them (SDM Vol. 3, "Caching Translation Information" in the
 * chapter on VMX support for address translation). Entries are tagged by <i>tables</i>: a number that the owner gives to each
 * EP4TA. They know no VPID and no PCID; so nothing that a guest does to its own translations reaches them.
 *
 * <p>As in {@link TranslationCache}, what is cached depends on fills and invalidations alone. Not every {@link RetentionPolicy}
 * caches such mappings apart.
 */
public final class GuestPhysicalCache implements Stateful {
    /** Page sizes of extended page tables, as shifts; a key's low bits are an index into them. */
    private static final int[] SHIFTS = {12, 21, 30};

    private static final int CLASS_BITS = 2;
    private static final int LEVEL_BITS = 3;
    private static final int RIGHTS_MASK = 0xffff;
    private static final int DIRTY = 1 << 16;
    private static final int SHIFT_AT = 20;

    private final TagTable pages;
    private final TagTable structures;

    public GuestPhysicalCache(RetentionPolicy policy) {
        boolean keeps = policy.keepsGuestPhysical();
        pages = new TagTable(keeps ? policy.capacity() : 0, null);
        structures = new TagTable(keeps ? policy.structureCapacity() : 0, null);
    }

    /** Whether anything is cached at all. */
    public boolean retains() {
        return pages.capacity() != 0;
    }

    /** Number of cached mappings, of all tags. */
    public int size() {
        return pages.size();
    }

    /** Number of cached paging-structure entries, of all tags. */
    public int structureSize() {
        return structures.size();
    }

    /**
     * Translates through a cached mapping. One that does not permit the access, or a store that would have to set the dirty flag, is
     * dropped: the tables decide, as an EPT violation drops the mappings of its address anyway.
     *
     * @return false if nothing usable was cached; else {@code walker} is as after a walk
     */
    public boolean find(
            long tables, PagingMode mode, long guestPhysical, int access, Permissions permissions, Walker walker) {
        if (pages.size() == 0) {
            return false;
        }
        for (int c = 0; c < SHIFTS.length; c++) {
            int entry = pages.find(guestPhysical >>> SHIFTS[c] << CLASS_BITS | c, tables);
            if (entry >= 0) {
                int attributes = pages.attributes(entry);
                int rights = attributes & RIGHTS_MASK;
                boolean dirty = (attributes & DIRTY) != 0;
                if (permissions.denies(access, rights, 0) || !dirty && (access & Access.WRITE) != 0) {
                    pages.remove(entry);
                    return false;
                }
                long leaf = pages.value(entry);
                long offset = (1L << SHIFTS[c]) - 1;
                walker.outcome = Walker.MAPPED;
                walker.entry = leaf;
                walker.physical = mode.frame(leaf) & ~offset | guestPhysical & offset;
                walker.pageShift = SHIFTS[c];
                walker.rights = rights;
                walker.dirty = dirty;
                walker.global = false;
                walker.key = 0;
                return true;
            }
        }
        return false;
    }

    /** Walks from the lowest paging-structure entry that is cached; false if there is none or the walk fails. */
    public boolean resume(
            long tables,
            PagingMode mode,
            TableReader reader,
            long guestPhysical,
            int access,
            Permissions permissions,
            Walker walker) {
        if (structures.size() == 0) {
            return false;
        }
        for (int level = 1; level < mode.topLevel; level++) {
            int entry = structures.find(structureKey(guestPhysical, level, mode.shift(level + 1)), tables);
            if (entry >= 0) {
                int rights = structures.attributes(entry) & RIGHTS_MASK;
                long table = structures.value(entry);
                return walker.resume(mode, reader, level, table, rights, guestPhysical, access, permissions);
            }
        }
        return false;
    }

    /** Caches what the walk found that {@code walker} has just done. */
    public void add(long tables, PagingMode mode, long guestPhysical, Walker walker) {
        for (int level = walker.firstLevel - 1; level >= walker.level; level--) {
            long key = structureKey(guestPhysical, level, mode.shift(level + 1));
            int attributes = walker.tableRights[level] | mode.shift(level + 1) << SHIFT_AT;
            put(structures, key, tables, walker.tables[level], attributes);
        }
        int c = walker.pageShift == 12 ? 0 : walker.pageShift == 21 ? 1 : 2;
        int attributes = walker.rights | (walker.dirty ? DIRTY : 0) | walker.pageShift << SHIFT_AT;
        put(pages, guestPhysical >>> SHIFTS[c] << CLASS_BITS | c, tables, walker.entry, attributes);
    }

    private static void put(TagTable table, long key, long tag, long value, int attributes) {
        int old = table.find(key, tag);
        if (old >= 0) {
            table.remove(old);
        }
        table.add(key, tag, value, attributes);
    }

    /** Drops the mappings and paging-structure entries that would translate an address, as an EPT violation does. */
    public void dropAddress(long tables, long guestPhysical) {
        for (int c = 0; c < SHIFTS.length; c++) {
            int entry = pages.find(guestPhysical >>> SHIFTS[c] << CLASS_BITS | c, tables);
            if (entry >= 0) {
                pages.remove(entry);
            }
        }
        int next;
        for (int entry = structures.first(); entry >= 0; entry = next) {
            next = structures.next(entry);
            int shift = structures.attributes(entry) >>> SHIFT_AT;
            if (structures.tag(entry) == tables && structures.key(entry) >>> LEVEL_BITS == guestPhysical >>> shift) {
                structures.remove(entry);
            }
        }
    }

    /** Drops everything of one tag. */
    public void drop(long tables) {
        drop(pages, tables);
        drop(structures, tables);
    }

    private static void drop(TagTable table, long tag) {
        int next;
        for (int entry = table.first(); entry >= 0; entry = next) {
            next = table.next(entry);
            if (table.tag(entry) == tag) {
                table.remove(entry);
            }
        }
    }

    /** Drops everything. */
    public void clear() {
        pages.clear();
        structures.clear();
    }

    private static long structureKey(long guestPhysical, int level, int regionShift) {
        return guestPhysical >>> regionShift << LEVEL_BITS | level;
    }

    @Override
    public void save(StateWriter out) {
        out.section("guest-physical mappings");
        pages.save(out);
        structures.save(out);
    }

    @Override
    public void restore(StateReader in) {
        in.section("guest-physical mappings");
        pages.restore(in);
        structures.restore(in);
    }
}
