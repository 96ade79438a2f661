package nestbox.x86.mem;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;
import nestbox.mmu.tlb.GuestPhysicalCache;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.mmu.tlb.TranslationCache;
import nestbox.mmu.tlb.TranslationListener;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.mem.Worlds.World;

/**
 * The silicon's memory port: linear addresses through the translation cache, the page walk and the A20 gate to physical
 * memory, with the checks of canonicality, alignment, rights and data breakpoints.
 *
 * <p>No fault is ever raised on cached knowledge alone: before #PF the cached entries of the address are dropped, as the manual
 * demands of a #PF anyway, and the walk is repeated from the root. So an edit that adds rights or makes an entry present never
 * needs an invalidation, under any policy.
 */
public final class SiliconPort implements MemoryPort {
    private static final long PAGE = ~0xfffL;
    private static final long A20 = 1 << 20;
    private static final int ALL_RIGHTS = Access.READ | Access.WRITE | Access.EXECUTE | Access.USER;
    /** Size that stands for an access across a page's bounds. */
    private static final int CROSSING = 8;

    private static final int SUB_PAGE = 128;

    private final Cpu cpu;
    private final PhysicalMemory physical;
    private PagingState state;
    /** Of the present guest, or null. */
    private SecondStage second;
    /** Judges accesses of a guest without paging: everything is permitted. */
    private final Permissions unpaged = new Permissions();

    private final DataBreakpoints breakpoints;
    private final TranslationCache cache;
    private final GuestPhysicalCache guestPhysicals;
    private final Walker walker = new Walker();
    private final TableReader tables = new PhysicalTables();
    private final GuestTables guestTables = new GuestTables();
    private World world;
    private final SiliconControl control;
    /** The page whose accesses the extension performs while a guest runs, and the same while one does. */
    private long guestWatched = TranslationControl.NO_PAGE;

    private long watched = TranslationControl.NO_PAGE;

    private StoreListener storeListener;
    private TranslationObserver observer;

    /** The A20 gate's mask on physical addresses. */
    private long gate = -1;
    /** Misaligned data accesses raise #AC. */
    private boolean alignment;
    /** The class of the accesses that the fast path serves: {@link Access#USER} or 0. */
    private int fastClass;
    /** Data accesses may be served by the fast path. */
    private boolean fast = true;

    public SiliconPort(Cpu cpu, PhysicalMemory physical, RetentionPolicy policy) {
        this.cpu = cpu;
        this.physical = physical;
        Worlds worlds = new Worlds(cpu);
        this.world = worlds.host();
        this.state = world.state;
        this.breakpoints = new DataBreakpoints(cpu);
        this.cache = new TranslationCache(policy, new Listener());
        this.guestPhysicals = new GuestPhysicalCache(policy);
        this.control = new SiliconControl(cpu, this, worlds, cache);
        unpaged.set(false, false, false, false, false);
        state.update();
        physical.addLayoutListener(() -> cpu.mem.dropAll());
    }

    /** A port that caches nothing: each access walks the tables anew, as a hypervisor's instruction emulator does. */
    public static SiliconPort uncached(Cpu cpu) {
        return new SiliconPort(cpu, cpu.physical, RetentionPolicy.parse("emulator", "none"));
    }

    /** Told of stores that have been done, each within a page. */
    @FunctionalInterface
    public interface StoreListener {
        void stored(long physical, int size);
    }

    /** Tells {@code newListener} of every store that does not go through a fast path; null for none. */
    public void listen(StoreListener newListener) {
        storeListener = newListener;
    }

    /** Lets {@code newObserver} see every translation from now on; null for none. */
    public void observe(TranslationObserver newObserver) {
        observer = newObserver;
        control.observe(newObserver);
        cpu.mem.dropAll();
    }

    /** Page tables in physical memory: the host's, and those of a second stage. */
    private final class PhysicalTables implements TableReader {
        @Override
        public long read(long address, int bytes) {
            return physical.read(address & gate, bytes);
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            long at = address & gate;
            if (physical.read(at, bytes) != expected) {
                return false;
            }
            physical.write(at, bytes, value);
            if (storeListener != null) {
                storeListener.stored(at, bytes);
            }
            return true;
        }
    }

    /** A guest's page tables, behind the second stage. */
    private final class GuestTables implements TableReader {
        private boolean failed;
        private long linear;

        @Override
        public long read(long address, int bytes) {
            failed = !second.walk(tables, address, second.tableRead);
            if (failed) {
                refused(address, linear, second.tableRead, true);
                return 0;
            }
            long at = second.walker.physical & gate;
            if ((at & PAGE) == watched) {
                failed = true;
                cpu.extension.watchedTable(cpu);
                return 0;
            }
            return physical.read(at, bytes);
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            int access = second.tableRead | Access.WRITE;
            failed = !second.walk(tables, address, access);
            if (failed) {
                refused(address, linear, access, true);
                return false;
            }
            return tables.update(second.walker.physical, bytes, expected, value);
        }

        @Override
        public boolean failed() {
            return failed;
        }
    }

    private void refused(long guestPhysical, long linear, int access, boolean ofTable) {
        cpu.extension.secondStageRefused(cpu, second, guestPhysical, linear, second.wanted(access), ofTable);
    }

    /** Keeps the fast path a subset of the cache. */
    private final class Listener implements TranslationListener {
        @Override
        public void dropped(long linear, int shift, int attributes) {
            cpu.mem.dropPages(linear, shift);
            if ((attributes & TranslationCache.FETCHED) != 0) {
                cpu.mem.translationChanged();
            }
        }

        @Override
        public void droppedMany() {
            cpu.mem.dropAll();
        }
    }

    @Override
    public boolean retainsFetches() {
        return cache.retains() && observer == null;
    }

    @Override
    public TranslationControl control() {
        return control;
    }

    @Override
    public void contextChanged() {
        boolean stale = state.update();
        stale |= breakpoints.update();
        if (stale) {
            cpu.mem.dropAll();
            state.takeStale();
        }
        boolean ac = (cpu.systemFlags & Flags.AC) != 0;
        boolean user = cpu.cpl == 3;
        boolean lifted = ac && !user && (cpu.cr4 & Cpu.CR4_SMAP) != 0;
        alignment = ac && user && (cpu.cr0 & Cpu.CR0_AM) != 0;
        state.lift(ac && !user);
        fastClass = user ? Access.USER : 0;
        fast = !alignment;
        cpu.mem.select(world.bank
                | (alignment ? Memory.SLOW : user ? Memory.USER : lifted ? Memory.SUPERVISOR_AC : Memory.SUPERVISOR));
        world.pcid = cache.pcid();
        cpu.mem.tagged(world.space, cache.pcid());
    }

    /** A world switch: the registers, the paging state and the cache's tags are the new world's already. */
    void enter(World newWorld, SecondStage newSecond, long space, int pcid) {
        world = newWorld;
        state = newWorld.state;
        second = newSecond;
        if (second != null) {
            second.cache = guestPhysicals;
        }
        watched = space == 0 ? TranslationControl.NO_PAGE : guestWatched;
        if (state.takeStale() || space != world.space || pcid != world.pcid) {
            cpu.mem.dropBank(world.bank);
            world.space = space;
        }
        contextChanged();
    }

    void watchPage(long page) {
        if (page != guestWatched) {
            guestWatched = page;
            cpu.mem.dropGuests();
        }
    }

    GuestPhysicalCache guestPhysicals() {
        return guestPhysicals;
    }

    void dropGuestPhysical(long ofTables) {
        if (ofTables < 0) {
            guestPhysicals.clear();
        } else {
            guestPhysicals.drop(ofTables);
        }
    }

    void setGate(boolean open) {
        gate = open ? -1 : ~A20;
        cpu.mem.dropAll();
    }

    /** Reads without regard to rights what the present world calls physical memory; a second stage may refuse it. */
    long readGuestPhysical(long address, int bytes) {
        if (second == null) {
            return physical.read(address & gate, bytes);
        }
        if (!second.walk(tables, address, second.tableRead)) {
            refused(address, SecondStage.NO_LINEAR, second.tableRead, true);
            throw cpu.raise(Vector.EXTENSION);
        }
        return physical.read(second.walker.physical & gate, bytes);
    }

    long guestPhysical(long address, boolean write) {
        int access = write ? Access.READ | Access.WRITE : Access.READ;
        if (second != null && !second.walk(tables, address, access)) {
            refused(address, address, access, false);
            throw cpu.raise(Vector.EXTENSION);
        }
        return (second == null ? address : second.walker.physical) & gate;
    }

    @Override
    public long load(long linear, int size, int access, int seg) {
        long at = check(linear, size, access, seg);
        long value;
        if (((int) at & 0xfff) + size > 0x1000) {
            value = loadCrossing(at, size, access, seg);
        } else {
            long address = translate(at, size, access);
            value = (address & PAGE) == watched
                    ? cpu.extension.watchedLoad(cpu, address, size, access)
                    : readData(address, size);
        }
        if (breakpoints.enabled()) {
            breakpoints.check(at, size, (access & Access.WRITE) != 0);
        }
        return value;
    }

    @Override
    public void store(long linear, int size, long value, int access, int seg) {
        long at = check(linear, size, access, seg);
        if (((int) at & 0xfff) + size > 0x1000) {
            storeCrossing(at, size, value, access, seg);
        } else {
            long address = translate(at, size, access);
            if ((address & PAGE) == watched) {
                cpu.extension.watchedStore(cpu, address, size, value);
            } else {
                writeData(address, size, value);
            }
        }
        if (breakpoints.enabled()) {
            breakpoints.check(at, size, true);
        }
    }

    @Override
    public void probe(long linear, int length, int access, int seg) {
        long at = masked(linear, access, seg);
        if (second != null && second.subPages != null && (access & Access.WRITE) != 0) {
            probeSubPages(at, length, access);
        }
        watch(translate(at, access), length, access);
        for (int left = length - (0x1000 - ((int) at & 0xfff)); left > 0; left -= 0x1000) {
            at = nextPage(at, access, seg);
            watch(translate(at, access), length, access);
        }
    }

    @Override
    public long fetch(long linear) {
        int access = Access.EXECUTE | (cpu.cpl == 3 ? Access.USER : 0);
        return watch(translate(canonical(linear, Reg.CS), access), 1, access);
    }

    /** Asks the extension about an access to the watched page. */
    private long watch(long address, int bytes, int access) {
        if ((address & PAGE) == watched) {
            cpu.extension.watchedAccess(cpu, address, bytes, access);
        }
        return address;
    }

    @Override
    public int codeByte(long address) {
        return (int) readData(address, 1);
    }

    /** The linear address as it is used, after the checks that come before translation. */
    private long check(long linear, int size, int access, int seg) {
        long at = masked(linear, access, seg);
        if (alignment && (at & size - 1) != 0 && (access & (Access.IMPLICIT | Access.SHADOW_STACK)) == 0) {
            throw cpu.raise(Vector.AC, 0);
        }
        return at;
    }

    /** As {@link #canonical}, for data accesses of instructions: linear-address masking comes first. */
    private long masked(long linear, int access, int seg) {
        boolean pointer = state.masking && (access & (Access.IMPLICIT | Access.SHADOW_STACK)) == 0;
        return canonical(pointer && cpu.codeSize == 64 ? state.mask(linear) : linear, seg);
    }

    private long canonical(long linear, int seg) {
        int shift = state.canonicalShift;
        if (shift != 0 && linear << shift >> shift != linear) {
            throw cpu.raise(seg == Reg.SS ? Vector.SS : Vector.GP, 0);
        }
        return linear & state.linearMask;
    }

    private long nextPage(long linear, int access, int seg) {
        long next = (linear & PAGE) + 0x1000;
        boolean wide = cpu.codeSize == 64 || (access & Access.IMPLICIT) != 0;
        return canonical(wide ? next : next & 0xffffffffL, seg);
    }

    private long loadCrossing(long linear, int size, int access, int seg) {
        long next = nextPage(linear, access, seg);
        long first = watch(translate(linear, access), CROSSING, access);
        long second = watch(translate(next, access), CROSSING, access);
        int inFirst = 0x1000 - ((int) linear & 0xfff);
        long value = 0;
        for (int i = 0; i < size; i++) {
            long at = i < inFirst ? first + i : second + i - inFirst;
            value |= readData(at, 1) << (8 * i);
        }
        return value;
    }

    private void storeCrossing(long linear, int size, long value, int access, int seg) {
        long next = nextPage(linear, access, seg);
        long first = watch(translate(linear, access), CROSSING, access);
        long second = watch(translate(next, access), CROSSING, access);
        int inFirst = 0x1000 - ((int) linear & 0xfff);
        for (int i = 0; i < size; i++) {
            writeData(i < inFirst ? first + i : second + i - inFirst, 1, value >>> (8 * i) & 0xff);
        }
    }

    private long readData(long address, int size) {
        if (physical.isMmio(address)) {
            cpu.blockLimit = 0;
        }
        return physical.read(address, size);
    }

    private void writeData(long address, int size, long value) {
        if (physical.isMmio(address)) {
            cpu.blockLimit = 0;
        }
        physical.write(address, size, value);
        if (storeListener != null) {
            storeListener.stored(address, size);
        }
    }

    /** As {@link #translate(long, int)} with regard to the bounds of sub-pages. */
    private long translate(long linear, int size, int access) {
        boolean stores = (access & Access.WRITE) != 0;
        if (stores && second != null && second.subPages != null && ((int) linear & SUB_PAGE - 1) + size > SUB_PAGE) {
            translate(linear + size - 1, access);
        }
        return translate(linear, access);
    }

    private void probeSubPages(long linear, int length, int access) {
        for (int i = 0; i < length; i += SUB_PAGE) {
            translate(linear + i & state.linearMask, access);
        }
        translate(linear + length - 1 & state.linearMask, access);
    }

    /** Physical address of an access within one page; raises #PF. */
    private long translate(long linear, int access) {
        long address = translated(linear, access);
        if (observer != null) {
            observer.used(cpu, linear, access, address);
        }
        return address;
    }

    private long translated(long linear, int access) {
        if (!state.paging && second == null) {
            long address = linear & gate;
            fill(linear, address, access, true);
            return address;
        }
        int entry = cache.find(linear);
        if (entry >= 0) {
            int attributes = cache.attributes(entry);
            boolean clean = (attributes & TranslationCache.DIRTY) == 0;
            Permissions permissions = state.paging ? state.permissions : unpaged;
            if (!permissions.denies(access, attributes & TranslationCache.RIGHTS, TranslationCache.key(attributes))
                    && !(clean && (access & Access.WRITE) != 0)
                    && !refusesMode(access, attributes)) {
                long address = cache.physical(entry, linear) & gate;
                if ((access & Access.EXECUTE) != 0) {
                    cache.markFetched(entry);
                }
                fill(linear, address, access, !clean);
                return address;
            }
            cache.dropPage(linear);
        }
        return second == null ? miss(linear, access) : missNested(linear, access);
    }

    private static boolean refusesMode(int access, int attributes) {
        int refuses =
                (access & Access.USER) != 0 ? TranslationCache.NO_USER_FETCH : TranslationCache.NO_SUPERVISOR_FETCH;
        return (access & Access.EXECUTE) != 0 && (attributes & refuses) != 0;
    }

    private long miss(long linear, int access) {
        PagingMode mode = state.mode;
        if (!resume(mode, tables, linear, access)) {
            cache.dropStructures(linear);
            if (!walker.walk(mode, tables, cpu.cr3, cpu.pdpte, linear, access, state.permissions)) {
                throw cpu.raisePageFault(linear, state.permissions.errorCode(walker, access));
            }
        }
        long address = walker.physical & gate;
        if (cache.retains()) {
            remember(mode, linear, access);
            fill(linear, address, access, walker.dirty);
        }
        return address;
    }

    /** A miss under nested paging: the guest's tables first, each step through the second stage, then the address they give. */
    private long missNested(long linear, int access) {
        long guestPhysical = linear;
        if (state.paging) {
            guestTables.linear = linear;
            PagingMode mode = state.mode;
            if (!resume(mode, guestTables, linear, access)) {
                cache.dropStructures(linear);
                if (!walker.walk(mode, guestTables, cpu.cr3, cpu.pdpte, linear, access, state.permissions)) {
                    throw walker.outcome == Walker.STAGE_FAILED
                            ? cpu.raise(Vector.EXTENSION)
                            : cpu.raisePageFault(linear, state.permissions.errorCode(walker, access));
                }
            }
            guestPhysical = walker.physical;
        }
        int wanted = access & (Access.READ | Access.WRITE | Access.EXECUTE | Access.USER);
        if (second.executeByPage) {
            wanted = wanted & ~Access.USER | (state.paging ? walker.rights & Access.USER : 0);
        }
        if (!second.walkData(tables, guestPhysical, wanted)) {
            second.firstStageRights = state.paging ? walker.rights : ALL_RIGHTS;
            refused(guestPhysical, linear, wanted | access & Access.SHADOW_STACK, false);
            throw cpu.raise(Vector.EXTENSION);
        }
        long address = second.walker.physical & gate;
        if (cache.retains()) {
            rememberNested(linear, access);
            fill(linear, address, access, second.writable() && (!state.paging || walker.dirty));
        }
        return address;
    }

    /** Walks from the lowest paging-structure entry that is cached; false if there is none or the walk fails. */
    private boolean resume(PagingMode mode, TableReader from, long linear, int access) {
        for (int level = 1; level < mode.topLevel; level++) {
            int entry = cache.findStructure(linear, level, mode.shift(level + 1));
            if (entry >= 0) {
                return walker.resume(
                        mode,
                        from,
                        level,
                        cache.structureTable(entry),
                        cache.structureRights(entry),
                        linear,
                        access,
                        state.permissions);
            }
        }
        return false;
    }

    private void rememberStructures(PagingMode mode, long linear) {
        Walker w = walker;
        for (int level = w.firstLevel - 1; level >= w.level; level--) {
            cache.addStructure(linear, level, mode.shift(level + 1), w.tables[level], w.tableRights[level]);
        }
    }

    /**
     * Caches both stages as one translation of the smaller page. A store through an entry that is not dirty walks again, so that
     * alone keeps stores off what the second stage does not let be written.
     */
    private void rememberNested(long linear, int access) {
        Walker s = second.walker;
        int rights = ALL_RIGHTS;
        int shift = s.pageShift;
        boolean global = false;
        int key = 0;
        boolean dirty = second.writable();
        if (state.paging) {
            rememberStructures(state.mode, linear);
            rights = walker.rights;
            shift = Math.min(shift, walker.pageShift);
            global = walker.global;
            key = walker.key;
            dirty &= walker.dirty;
        }
        int granted = s.rights;
        if (second.executeByPage) {
            boolean user = state.paging && (rights & Access.USER) != 0;
            boolean executable = (granted & (user ? Access.USER : Access.EXECUTE)) != 0;
            granted = granted & ~Access.EXECUTE | (executable ? Access.EXECUTE : 0);
        }
        rights &= granted | Access.WRITE | Access.USER | Access.SHADOW_STACK_PAGE;
        int attributes = TranslationCache.attributes(rights, global, dirty, key, shift);
        if (state.paging && shift != walker.pageShift) {
            attributes = TranslationCache.fractured(attributes, walker.pageShift);
        }
        if ((access & Access.EXECUTE) != 0) {
            attributes |= TranslationCache.FETCHED;
        }
        if (second.fetchesByMode) {
            boolean user = (s.rights & Access.USER) != 0;
            attributes |= user ? TranslationCache.NO_SUPERVISOR_FETCH : TranslationCache.NO_USER_FETCH;
        }
        cache.add(linear, s.physical, attributes);
    }

    private void remember(PagingMode mode, long linear, int access) {
        Walker w = walker;
        rememberStructures(mode, linear);
        int attributes = TranslationCache.attributes(w.rights, w.global, w.dirty, w.key, w.pageShift);
        if ((access & Access.EXECUTE) != 0) {
            attributes |= TranslationCache.FETCHED;
        }
        cache.add(linear, w.physical, attributes);
    }

    /** Lets the fast path serve what this access was just permitted to do. */
    private void fill(long linear, long address, int access, boolean dirty) {
        if (!cache.retains() || (address & PAGE) == watched || observer != null) {
            return;
        }
        if ((access & Access.EXECUTE) != 0) {
            cpu.mem.fillFetch(linear, address);
            return;
        }
        if (!fast || (access & (Access.USER | Access.IMPLICIT | Access.SHADOW_STACK)) != fastClass) {
            return;
        }
        byte[] data = physical.backing(address);
        if (data == null || (breakpoints.enabled() && breakpoints.watchesPage(linear))) {
            return;
        }
        int offset = (int) address & PhysicalMemory.CHUNK_MASK & ~0xfff;
        cpu.mem.fillRead(linear, data, offset);
        if ((access & Access.WRITE) != 0 && dirty && physical.plainRam(address)) {
            cpu.mem.fillWrite(linear, data, offset);
        }
    }
}
