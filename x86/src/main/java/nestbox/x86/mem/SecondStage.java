package nestbox.x86.mem;

import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;
import nestbox.mmu.tlb.GuestPhysicalCache;

/**
 * A second stage of translation, from guest-physical to physical addresses: EPT or NPT (SDM Vol. 3, "The Extended Page Table
 * Mechanism"; APM Vol. 2, "Nested Paging"). Its owner, the virtualization extension, sets it up before it hands it to
 * {@link TranslationControl#enterSpace}; {@link #walker} tells why the last walk failed.
 */
public final class SecondStage {
    private static final long[] NO_REGISTERS = new long[4];
    private static final long DIRTY = 1 << 9;
    private static final long SUB_PAGE = 1L << 61;

    /** In place of a linear address: the access has none (loads of PDPTE registers). No linear address has this value. */
    public static final long NO_LINEAR = Long.MIN_VALUE;

    /** Asked before a dirty flag of the stage is set (EPT's page-modification log). */
    @FunctionalInterface
    public interface DirtyListener {
        /** False if the flag must not be set: the walk ends with {@link Walker#STAGE_FAILED}. */
        boolean beforeDirty(long guestPhysical);
    }

    /** Lets the listener see what the walk writes. */
    private final class Logged implements TableReader {
        private TableReader tables;
        private long guestPhysical;
        private boolean refused;

        @Override
        public long read(long address, int bytes) {
            return tables.read(address, bytes);
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            refused = (value & ~expected & DIRTY) != 0 && !dirtyListener.beforeDirty(guestPhysical);
            return !refused && tables.update(address, bytes, expected, value);
        }

        @Override
        public boolean failed() {
            return refused;
        }
    }

    private final Logged logged = new Logged();

    /** In {@link #tables}: nothing that this stage translates is cached but as part of a linear translation. */
    public static final long UNCACHED = -1;

    /** Where guest-physical mappings are cached; set by the port that uses the stage. */
    GuestPhysicalCache cache;
    /** The tag of guest-physical mappings: a number for the EP4TA. */
    public long tables = UNCACHED;

    /** Says whether stores to parts of a page that may not be written as a whole are permitted (EPT's sub-page write permissions). */
    @FunctionalInterface
    public interface SubPages {
        int DENIED = 0;
        int PERMITTED = 1;
        /** The walk ends with {@link Walker#STAGE_FAILED}. */
        int FAILED = 2;

        int judge(long guestPhysical);
    }

    /** Asked about stores to pages whose leaf has bit 61 set, or null. */
    public SubPages subPages;

    /** Told of dirty flags, or null. */
    public DirtyListener dirtyListener;

    public final Walker walker = new Walker();
    public final Permissions permissions = new Permissions();

    /** The format of the tables. */
    public PagingMode mode;
    /** Physical address of the root table, as the control structure holds it. */
    public long root;
    /** {@link Access} bits that every access to this stage carries: NPT sees all of them as the user's. */
    public int always;
    /** Fetches carry the guest's mode instead, and the stage judges by it (AMD's guest-mode execute trap). */
    public boolean fetchesByMode;
    /** What reading an entry of a guest's paging structure wants of this stage; a write wants {@link Access#WRITE} besides. */
    public int tableRead = Access.READ;
    /** Guest-physical addresses from this bit up translate to nothing. */
    public int addressBits = 52;
    /** What the guest's own tables grant where the access that was refused last wanted to go; all, without paging. */
    public int firstStageRights;
    /** The guest's PAE paging reads its PDPTEs from memory on demand, as AMD's nested paging has it. */
    public boolean pdptesInMemory;

    /**
     * Fetches carry {@link Access#USER} if their linear address is a user-mode one, whatever the CPL (EPT's mode-based execute
     * control).
     */
    public boolean executeByPage;

    /** What an access wants of this stage. */
    int wanted(int access) {
        return fetchesByMode && (access & Access.EXECUTE) != 0 ? access : access | always;
    }

    /** Translates; on success {@code walker.physical} is the address. */
    boolean walk(TableReader reader, long guestPhysical, int access) {
        if (guestPhysical >>> addressBits != 0) {
            walker.outcome = Walker.NOT_PRESENT;
            walker.level = mode.topLevel;
            walker.entry = 0;
            return false;
        }
        int wanted = wanted(access);
        boolean cached = tables != UNCACHED && cache.retains();
        if (cached && cache.find(tables, mode, guestPhysical, wanted, permissions, walker)) {
            return true;
        }
        TableReader through = reader;
        if (dirtyListener != null) {
            logged.tables = reader;
            logged.guestPhysical = guestPhysical;
            logged.refused = false;
            through = logged;
        }
        if (!cached) {
            return walker.walk(mode, through, root, NO_REGISTERS, guestPhysical, wanted, permissions);
        }
        if (!cache.resume(tables, mode, through, guestPhysical, wanted, permissions, walker)) {
            logged.refused = false;
            cache.dropAddress(tables, guestPhysical);
            if (!walker.walk(mode, through, root, NO_REGISTERS, guestPhysical, wanted, permissions)) {
                return false;
            }
        }
        cache.add(tables, mode, guestPhysical, walker);
        return true;
    }

    /** As {@link #walk}, for what a linear address translates to. */
    boolean walkData(TableReader reader, long guestPhysical, int access) {
        if (walk(reader, guestPhysical, access)) {
            return true;
        }
        boolean eligible = subPages != null
                && walker.outcome == Walker.DENIED
                && (access & Access.WRITE) != 0
                && walker.level == 1
                && (walker.entry & SUB_PAGE) != 0
                && (walker.tableRights[1] & Access.WRITE) != 0
                && !permissions.denies(access & ~Access.WRITE, walker.rights, 0);
        return eligible && storeToSubPage(reader, guestPhysical, access);
    }

    /** The page is left unwritable in {@link #walker}, so that the next store asks again. */
    private boolean storeToSubPage(TableReader reader, long guestPhysical, int access) {
        int judgement = subPages.judge(guestPhysical);
        if (judgement != SubPages.PERMITTED) {
            walker.outcome = judgement == SubPages.FAILED ? Walker.STAGE_FAILED : Walker.DENIED;
            return false;
        }
        if (!walk(reader, guestPhysical, access & ~Access.WRITE | Access.READ)) {
            return false;
        }
        long entry = walker.entry;
        if (!mode.limits.has(PagingFeature.EPT_ACCESSED_DIRTY) || (entry & DIRTY) != 0) {
            return true;
        }
        if (dirtyListener != null && !dirtyListener.beforeDirty(guestPhysical)) {
            walker.outcome = Walker.STAGE_FAILED;
            return false;
        }
        reader.update(walker.entryAddress, 8, entry, entry | DIRTY);
        return true;
    }

    /** Whether the last walk leaves a translation through which stores may go without another walk. */
    boolean writable() {
        return walker.dirty && (walker.rights & Access.WRITE) != 0;
    }
}
