package nestbox.mmu.tlb;

import nestbox.core.Seed;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.paging.Access;

/**
 * The translation cache and the paging-structure caches of one processor (SDM Vol. 3, "Caching Translation Information";
 * APM Vol. 2, "TLB Management"). Entries are tagged by PCID or global, within a <i>space</i>: a number whose low
 * {@value #GROUP_BITS} bits are the <i>group</i> (VPID or ASID; 0 without virtualization) and whose high bits are the <i>tables</i> of
 * the second stage (a number for each EP4TA; 0 without, and where the ASID says it all). Lookups see one space; invalidations by a
 * guest's own instructions reach the whole group, whatever second stage its translations were made with. A translation is cached at its
 * page's size; where a second stage has smaller pages, at theirs, and is <i>fractured</i>. An invalidation of any address drops all of
 * the page that the guest's tables had there (SDM Vol. 2, "INVLPG", "INVPCID": if there are multiple TLB entries for a page, all of
 * them).
 *
 * <p>What is cached depends on fills and invalidations alone, never on hits: engines with different fast paths see the same
 * contents.
 */
public final class TranslationCache implements Stateful {
    /** Width of the group in a space; the tables are above it. */
    public static final int GROUP_BITS = 32;

    private static final long GROUP = ((1L << GROUP_BITS) - 1) << TagTable.PCID_BITS;
    private static final long GROUP_PCID = GROUP | TagTable.PCID_MASK | TagTable.GLOBAL;

    /** Attribute bits beside the rights ({@link Access#READ}, WRITE, EXECUTE, USER and SHADOW_STACK_PAGE). */
    public static final int RIGHTS =
            Access.READ | Access.WRITE | Access.EXECUTE | Access.USER | Access.SHADOW_STACK_PAGE;

    public static final int GLOBAL = 1 << 7;
    /** The dirty flag was set when the entry was filled. */
    public static final int DIRTY = 1 << 5;
    /** Instructions were fetched through the entry. */
    public static final int FETCHED = 1 << 6;
    /** A second stage refuses fetches of user mode, or of supervisor mode, on the page (AMD's guest-mode execute trap). */
    public static final int NO_USER_FETCH = 1 << 7;

    public static final int NO_SUPERVISOR_FETCH = 1 << 12;

    /** In place of a linear address: all of them. No linear address has this value. */
    public static final long EVERYWHERE = Long.MIN_VALUE;

    private static final int KEY_SHIFT = 8;
    private static final int PAGE_SHIFT = 16;
    /** Of a fractured translation: the size of the page that it is a part of. */
    private static final int MAPPED_SHIFT = 24;

    private static final int SHIFT_MASK = 63;

    /** Page sizes, as shifts; a key's low bits are an index into them. */
    private static final int[] SHIFTS = {12, 21, 22, 30};

    private static final int CLASS_BITS = 2;
    private static final int LEVEL_BITS = 3;

    private final TranslationListener listener;
    private final TagTable pages;
    private final TagTable structures;
    /** Live entries by size class. */
    private final int[] live = new int[SHIFTS.length];
    /** Live entries that are parts of a larger page. */
    private int fractures;

    private long space;
    private int pcid;
    private long tag;

    public TranslationCache(RetentionPolicy policy, TranslationListener listener) {
        this.listener = listener;
        boolean seeded = policy.kind() == RetentionPolicy.Kind.SEEDED;
        pages = new TagTable(policy.capacity(), seeded ? new Seed(policy.parameter()) : null);
        structures = new TagTable(policy.structureCapacity(), seeded ? new Seed(~policy.parameter()) : null);
    }

    /** Whether anything is cached at all. */
    public boolean retains() {
        return pages.capacity() != 0;
    }

    /** Selects the tags of the lookups and fills that follow. */
    public void select(long newSpace, int newPcid) {
        space = newSpace;
        pcid = newPcid;
        tag = newSpace << TagTable.PCID_BITS | newPcid;
    }

    public int pcid() {
        return pcid;
    }

    /** Number of cached translations, of all tags. */
    public int size() {
        return pages.size();
    }

    /** Number of entries of the paging-structure caches, of all tags. */
    public int structureSize() {
        return structures.size();
    }

    /** Attributes for {@link #add}. */
    public static int attributes(int rights, boolean global, boolean dirty, int key, int pageShift) {
        return rights | (global ? GLOBAL : 0) | (dirty ? DIRTY : 0) | key << KEY_SHIFT | pageShift << PAGE_SHIFT;
    }

    public static int key(int attributes) {
        return attributes >>> KEY_SHIFT & 15;
    }

    public static int pageShift(int attributes) {
        return attributes >>> PAGE_SHIFT & SHIFT_MASK;
    }

    /** Attributes of a translation that is a part of a larger page of the guest's. */
    public static int fractured(int attributes, int mappedShift) {
        return attributes | mappedShift << MAPPED_SHIFT;
    }

    private static boolean fractured(int attributes) {
        return attributes >>> MAPPED_SHIFT != 0;
    }

    /** The translation of {@code linear} under the selected tags, or -1. */
    public int find(long linear) {
        for (int c = 0; c < SHIFTS.length; c++) {
            if (live[c] != 0) {
                int entry = pages.find(pageKey(linear, c), tag);
                if (entry >= 0) {
                    return entry;
                }
            }
        }
        return -1;
    }

    public int attributes(int entry) {
        return pages.attributes(entry);
    }

    /** Physical address that {@code linear} translates to by the entry. */
    public long physical(int entry, long linear) {
        return pages.value(entry) | linear & (1L << pageShift(pages.attributes(entry))) - 1;
    }

    /** Notes that instructions are fetched through the entry. */
    public void markFetched(int entry) {
        pages.setAttributes(entry, pages.attributes(entry) | FETCHED);
    }

    /** Caches a translation; the caller has dropped older ones of the address. */
    public void add(long linear, long physical, int attributes) {
        if (pages.capacity() == 0) {
            return;
        }
        for (int victim = pages.victim(); victim >= 0; victim = pages.size() < pages.capacity() ? -1 : pages.victim()) {
            removePage(victim);
        }
        int shift = pageShift(attributes);
        int c = sizeClass(shift);
        long offset = (1L << shift) - 1;
        long entryTag = (attributes & GLOBAL) != 0 ? space << TagTable.PCID_BITS | TagTable.GLOBAL : tag;
        pages.add(pageKey(linear, c), entryTag, physical & ~offset, attributes);
        count(c, attributes, 1);
    }

    /**
     * Caches that the walk of {@code linear} reaches {@code table} at {@code level}, whose region is {@code 1 << regionShift}
     * bytes large.
     */
    public void addStructure(long linear, int level, int regionShift, long table, int rights) {
        if (structures.capacity() == 0) {
            return;
        }
        long key = structureKey(linear, level, regionShift);
        int old = structures.find(key, tag);
        if (old >= 0) {
            structures.remove(old);
        }
        for (int victim = structures.victim();
                victim >= 0;
                victim = structures.size() < structures.capacity() ? -1 : structures.victim()) {
            structures.remove(victim);
        }
        structures.add(key, tag, table, rights | regionShift << PAGE_SHIFT);
    }

    /** The paging-structure entry that leads to the table of {@code level} for {@code linear}, or -1. */
    public int findStructure(long linear, int level, int regionShift) {
        return structures.size() == 0 ? -1 : structures.find(structureKey(linear, level, regionShift), tag);
    }

    public long structureTable(int entry) {
        return structures.value(entry);
    }

    public int structureRights(int entry) {
        return structures.attributes(entry) & RIGHTS;
    }

    /** Drops the translations of {@code linear} under the selected PCID and global ones. */
    public void dropPage(long linear) {
        for (int c = 0; c < SHIFTS.length; c++) {
            while (live[c] != 0) {
                int entry = pages.find(pageKey(linear, c), tag);
                if (entry < 0) {
                    break;
                }
                removePage(entry);
            }
        }
    }

    /** Drops the translations of {@code linear} under the selected PCID and global ones, in the whole group: INVLPG. */
    public void dropPageOfGroup(long linear) {
        for (int c = 0; c < SHIFTS.length; c++) {
            while (live[c] != 0) {
                int entry = pages.findMasked(pageKey(linear, c), tag, GROUP_PCID);
                if (entry < 0) {
                    break;
                }
                removePage(entry);
            }
        }
        if (fractures != 0) {
            dropPages(linear, tag, GROUP_PCID);
            dropPages(linear, tag & GROUP | TagTable.GLOBAL, GROUP_PCID);
        }
    }

    /** Drops the paging-structure entries that the selected tags would use for {@code linear}. */
    public void dropStructures(long linear) {
        dropStructures(linear, tag, -1L);
    }

    private void dropStructures(long linear, long wanted, long mask) {
        int next;
        for (int entry = structures.first(); entry >= 0; entry = next) {
            next = structures.next(entry);
            int shift = structures.attributes(entry) >>> PAGE_SHIFT;
            boolean translates = structures.key(entry) >>> LEVEL_BITS == linear >>> shift;
            if (translates && ((structures.tag(entry) ^ wanted) & mask) == 0) {
                structures.remove(entry);
            }
        }
    }

    private void dropStructures(long wanted, long mask) {
        int next;
        for (int entry = structures.first(); entry >= 0; entry = next) {
            next = structures.next(entry);
            if (((structures.tag(entry) ^ wanted) & mask) == 0) {
                structures.remove(entry);
            }
        }
    }

    /** Drops all paging-structure entries of {@code ofPcid} in the group, or of every PCID if it is negative. */
    public void dropAllStructures(int ofPcid) {
        if (ofPcid < 0) {
            dropStructures(tag, GROUP);
        } else {
            dropStructures(tag & GROUP | ofPcid, GROUP_PCID);
        }
    }

    /** Drops the translation and the paging-structure entries of one address and PCID; global translations stay. */
    public void dropAddress(int ofPcid, long linear) {
        long wanted = tag & GROUP | ofPcid;
        dropPages(linear, wanted, GROUP_PCID);
        dropStructures(linear, wanted, GROUP_PCID);
    }

    /** Drops what any PCID of a space's group, or none (global), has of one address, paging-structure entries included. */
    public void dropAddressOfGroup(long ofSpace, long linear) {
        long wanted = ofSpace << TagTable.PCID_BITS;
        dropPages(linear, wanted, GROUP);
        dropStructures(linear, wanted, GROUP);
    }

    private void dropPages(long linear, long wanted, long mask) {
        int next;
        for (int entry = pages.first(); entry >= 0; entry = next) {
            next = pages.next(entry);
            if (((pages.tag(entry) ^ wanted) & mask) == 0 && isOfPage(entry, linear)) {
                removePage(entry);
            }
        }
    }

    /** Whether an entry is of the page at {@code linear}, or of a larger one that the guest's tables had there. */
    private boolean isOfPage(int entry, long linear) {
        long key = pages.key(entry);
        int c = classOf(key);
        int mapped = pages.attributes(entry) >>> MAPPED_SHIFT;
        return key == pageKey(linear, c)
                || mapped != 0 && (key >>> CLASS_BITS << SHIFTS[c]) >>> mapped == linear >>> mapped;
    }

    /**
     * Drops what matches.
     *
     * @param ofSpace a space, or -1 for all
     * @param ofPcid a PCID, or -1 for all; global translations have none and match any
     * @param globalToo whether global translations go
     * @param linear a linear address, or {@link #EVERYWHERE}
     */
    public void dropMatching(long ofSpace, int ofPcid, boolean globalToo, long linear) {
        int next;
        for (int entry = pages.first(); entry >= 0; entry = next) {
            next = pages.next(entry);
            long found = pages.tag(entry);
            boolean global = (found & TagTable.GLOBAL) != 0;
            boolean wanted = global ? globalToo : ofPcid < 0 || (found & TagTable.PCID_MASK) == ofPcid;
            if (wanted
                    && (ofSpace < 0 || found >> TagTable.PCID_BITS == ofSpace)
                    && (linear == EVERYWHERE || isOfPage(entry, linear))) {
                removePage(entry);
            }
        }
    }

    /** Drops the paging-structure entries of a space or of all (-1), and of a PCID or of all (-1). */
    public void dropStructuresMatching(long ofSpace, int ofPcid) {
        int next;
        for (int entry = structures.first(); entry >= 0; entry = next) {
            next = structures.next(entry);
            long found = structures.tag(entry);
            if ((ofSpace < 0 || found >> TagTable.PCID_BITS == ofSpace)
                    && (ofPcid < 0 || (found & TagTable.PCID_MASK) == ofPcid)) {
                structures.remove(entry);
            }
        }
    }

    /** Drops everything of one PCID of the group but global translations. */
    public void dropContext(int ofPcid) {
        dropPages(tag & GROUP | ofPcid, GROUP_PCID);
        dropAllStructures(ofPcid);
    }

    /** Drops the global translations of the group. */
    public void dropGlobal() {
        dropPages(tag & GROUP | TagTable.GLOBAL, GROUP | TagTable.GLOBAL);
    }

    /** Drops everything of every PCID in the group but global translations. */
    public void dropAllButGlobal() {
        dropSpaces((1L << GROUP_BITS) - 1, space, false);
    }

    /** Drops everything in the group. */
    public void dropGroup() {
        dropSpaces((1L << GROUP_BITS) - 1, space, true);
    }

    /** Drops what belongs to the spaces that agree with {@code wanted} in the bits of {@code mask}. */
    public void dropSpaces(long mask, long wanted, boolean globalToo) {
        long tagMask = mask << TagTable.PCID_BITS;
        long wantedTag = wanted << TagTable.PCID_BITS;
        dropPages(wantedTag, globalToo ? tagMask : tagMask | TagTable.GLOBAL);
        dropStructures(wantedTag, tagMask);
    }

    /** Drops everything. */
    public void clear() {
        pages.clear();
        structures.clear();
        java.util.Arrays.fill(live, 0);
        fractures = 0;
        listener.droppedMany();
    }

    private void dropPages(long wanted, long mask) {
        int next;
        for (int entry = pages.first(); entry >= 0; entry = next) {
            next = pages.next(entry);
            if (((pages.tag(entry) ^ wanted) & mask) == 0) {
                count(classOf(pages.key(entry)), pages.attributes(entry), -1);
                pages.remove(entry);
            }
        }
        listener.droppedMany();
    }

    private void removePage(int entry) {
        long key = pages.key(entry);
        int attributes = pages.attributes(entry);
        int c = classOf(key);
        count(c, attributes, -1);
        pages.remove(entry);
        listener.dropped(key >>> CLASS_BITS << SHIFTS[c], SHIFTS[c], attributes);
    }

    /** The entries of all tags; which are selected is the owner's to restore. */
    @Override
    public void save(StateWriter out) {
        out.section("translations");
        pages.save(out);
        structures.save(out);
    }

    @Override
    public void restore(StateReader in) {
        in.section("translations");
        pages.restore(in);
        structures.restore(in);
        java.util.Arrays.fill(live, 0);
        fractures = 0;
        for (int entry = pages.first(); entry >= 0; entry = pages.next(entry)) {
            count(classOf(pages.key(entry)), pages.attributes(entry), 1);
        }
        listener.droppedMany();
    }

    private void count(int sizeClass, int attributes, int change) {
        live[sizeClass] += change;
        if (fractured(attributes)) {
            fractures += change;
        }
    }

    private static int classOf(long key) {
        return (int) key & (1 << CLASS_BITS) - 1;
    }

    private static int sizeClass(int shift) {
        switch (shift) {
            case 12:
                return 0;
            case 21:
                return 1;
            case 22:
                return 2;
            default:
                return 3;
        }
    }

    private static long pageKey(long linear, int sizeClass) {
        return linear >>> SHIFTS[sizeClass] << CLASS_BITS | sizeClass;
    }

    private static long structureKey(long linear, int level, int regionShift) {
        return linear >>> regionShift << LEVEL_BITS | level;
    }
}
