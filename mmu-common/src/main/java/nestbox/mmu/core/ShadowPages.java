package nestbox.mmu.core;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import nestbox.core.NestboxException;

/**
 * All shadow pages of a virtual machine, found by frame and role, and the entries in them. Every write of an entry goes through
 * {@link #write}; leaves of memory slots are in the reverse map, other entries in their child's list of parents.
 *
 * <p>Methods that return whether hardware must forget something leave the flush to their caller.
 */
final class ShadowPages {
    private static final int MAX_PAGES = 1 << 22;
    private static final int ZAP_BATCH = 64;

    final SpteFormat format;
    final ReverseMap rmap = new ReverseMap();

    private final MmuVm vm;
    private final HostFrames frames;
    private final WriteTracking tracking;
    private ShadowPage[] byId = new ShadowPage[256];
    private int nextId = 1;
    private int[] freeIds = new int[64];
    private int freeCount;
    /** Ids by host frame. */
    private final FrameCounts byTable = new FrameCounts();

    private ShadowPage[] buckets = new ShadowPage[256];
    private int count;
    /** Of pages with a guest's table. */
    private int indirect;
    /** kvm.arch.mmu_valid_gen. */
    private int generation;

    ShadowPages(MmuVm vm) {
        this.vm = vm;
        frames = vm.frames;
        format = new SpteFormat(vm.config);
        tracking = new WriteTracking(vm, this);
    }

    WriteTracking tracking() {
        return tracking;
    }

    int count() {
        return count;
    }

    boolean anyIndirect() {
        return indirect > 0;
    }

    ShadowPage page(int handle) {
        return byId[ShadowPage.pageOf(handle)];
    }

    boolean obsolete(ShadowPage page) {
        return page.invalid || page.generation != generation;
    }

    /** Every page in order of ids, for those who look at all of them. */
    List<ShadowPage> all() {
        return Arrays.stream(byId).filter(Objects::nonNull).toList();
    }

    // ---- finding and making -----------------------------------------------------------------------------------------

    private int bucket(long gfn) {
        return (int) (gfn * 0x9E3779B97F4A7C15L >>> 40) & buckets.length - 1;
    }

    /** First page of the frame's hash chain; follow {@link ShadowPage#hashNext} and compare the frame. */
    ShadowPage chain(long gfn) {
        return buckets[bucket(gfn)];
    }

    /** The page of this frame and role, made if there is none; if the guest's table may have changed, synchronised. */
    ShadowPage get(MmuVcpu vcpu, long gfn, int role) {
        ShadowPage page = find(vcpu, gfn, role);
        boolean created = page == null;
        if (created) {
            page = create(gfn, role);
        }
        if (vm.trace.on) {
            vm.trace.emit(
                    MmuTrace.GET_PAGE,
                    gfn,
                    role,
                    page.rootCount,
                    page.unsync ? 1 : 0,
                    created ? 1 : 0,
                    page.generation);
        }
        return page;
    }

    private ShadowPage find(MmuVcpu vcpu, long gfn, int role) {
        ShadowPage next;
        for (ShadowPage page = chain(gfn); page != null; page = next) {
            next = page.hashNext;
            if (page.gfn != gfn || obsolete(page)) {
                continue;
            }
            if (page.role != role) {
                boolean upper = Role.level(role) > 1 && !Role.has(role, Role.DIRECT);
                if (upper && page.unsync && goes(vcpu, page)) {
                    zapAndFlush(page);
                    next = chain(gfn);
                }
                continue;
            }
            if (page.unsync && vm.policies.applies(MmuPolicy.ROOTS_SYNC_CHILD_BEFORE_LINK, vcpu)) {
                int changes = vcpu.sync().page(page);
                if (changes < 0) {
                    zapAndFlush(page);
                    return null;
                }
                if (changes > 0) {
                    vm.requestAll(Request.TLB_FLUSH);
                }
            }
            page.writes = 0;
            return page;
        }
        return null;
    }

    /** Whether an unsync page goes because its frame is shadowed as an upper-level table. */
    private boolean goes(MmuVcpu vcpu, ShadowPage page) {
        return switch (vm.policies.upperLevelUnsync()) {
            case ZAP -> true;
            case KEEP -> false;
            case SYNC -> !vcpu.sync().inAnyContext(page);
        };
    }

    private ShadowPage create(long gfn, int role) {
        if (count >= buckets.length) {
            rehash();
        }
        ShadowPage page = new ShadowPage(newId(), frames.allocate(), gfn, role, generation);
        byId[page.id] = page;
        byTable.add(page.table >>> 12, page.id);
        insert(page);
        count++;
        vm.counters.pagesShadowed++;
        if (!page.direct()) {
            indirect++;
            if (tracking.shadowed(page)) {
                vm.requestAll(Request.TLB_FLUSH);
            }
        }
        return page;
    }

    private int newId() {
        if (freeCount > 0) {
            return freeIds[--freeCount];
        }
        if (nextId == MAX_PAGES) {
            throw new NestboxException("mmu", "more than " + MAX_PAGES + " shadow pages");
        }
        if (nextId == byId.length) {
            byId = Arrays.copyOf(byId, 2 * nextId);
        }
        return nextId++;
    }

    private void insert(ShadowPage page) {
        int at = bucket(page.gfn);
        page.hashNext = buckets[at];
        buckets[at] = page;
    }

    private void rehash() {
        buckets = new ShadowPage[2 * buckets.length];
        for (int id = 1; id < nextId; id++) {
            if (byId[id] != null && !byId[id].invalid) {
                insert(byId[id]);
            }
        }
    }

    private void unhash(ShadowPage page) {
        int at = bucket(page.gfn);
        if (buckets[at] == page) {
            buckets[at] = page.hashNext;
            return;
        }
        ShadowPage before = buckets[at];
        while (before.hashNext != page) {
            before = before.hashNext;
        }
        before.hashNext = page.hashNext;
    }

    // ---- entries ----------------------------------------------------------------------------------------------------

    long read(ShadowPage page, int index) {
        return frames.read64(page.table + 8L * index);
    }

    /** The one place where an entry changes. */
    void write(ShadowPage page, int index, long old, long value) {
        page.used += (value != 0 ? 1 : 0) - (old != 0 ? 1 : 0);
        frames.write64(page.table + 8L * index, value);
    }

    /** The page that a present entry references. */
    ShadowPage child(long spte) {
        return byId[byTable.get(format.frame(spte) >>> 12)];
    }

    /** Lets the empty entry reference {@code child}. */
    void link(ShadowPage page, int index, ShadowPage child) {
        write(page, index, 0, format.table(child.table, Role.has(child.role, Role.NO_AD)));
        child.addParent(page.handle(index));
        if (child.unsync || child.unsyncChildren > 0) {
            tracking.markUnsync(page.handle(index));
        }
    }

    void addLeaf(MemorySlot slot, ShadowPage page, int index, long gfn) {
        rmap.add(slot, page.level(), gfn, page.handle(index));
    }

    /** Empties an entry; whether hardware may have used it. */
    boolean drop(ShadowPage page, int index) {
        long old = read(page, index);
        if (old == 0) {
            return false;
        }
        write(page, index, old, 0);
        if (!format.present(old)) {
            return false;
        }
        if (!format.leaf(old, page.level())) {
            ShadowPage child = child(old);
            child.removeParent(page.handle(index));
            if (orphan(child)) {
                prepareZap(child);
            }
            return true;
        }
        long gfn = page.leafGfn(index);
        MemorySlot slot = vm.slots().find(Role.space(page.role), gfn);
        if (slot != null) {
            rmap.remove(slot, page.level(), gfn, page.handle(index));
        }
        return true;
    }

    /** Pages of nested TDP that nothing references will not be used again. */
    private boolean orphan(ShadowPage child) {
        return vm.config.tdp()
                && !child.direct()
                && Role.has(child.role, Role.GUEST_MODE)
                && child.parentCount() == 0
                && child.rootCount == 0
                && !child.invalid;
    }

    // ---- zapping ----------------------------------------------------------------------------------------------------

    void zapAndFlush(ShadowPage page) {
        prepareZap(page);
        vm.requestAll(Request.TLB_FLUSH);
    }

    /** Takes a page out of use; its frame is freed unless it is a root, which is left invalid. The caller flushes. */
    void prepareZap(ShadowPage page) {
        if (vm.trace.on) {
            MmuTrace.page(vm.trace, MmuTrace.PREPARE_ZAP_PAGE, page);
        }
        vm.counters.pagesZapped++;
        zapUnsyncChildren(page);
        for (int index = 0; page.used > 0; index++) {
            drop(page, index);
        }
        while (page.parentCount() > 0) {
            int handle = page.parent(page.parentCount() - 1);
            ShadowPage parent = page(handle);
            int index = ShadowPage.indexOf(handle);
            write(parent, index, read(parent, index), 0);
            page.removeParent(handle);
        }
        boolean first = !page.invalid;
        if (first) {
            unhash(page);
            count--;
            if (!page.direct()) {
                indirect--;
                tracking.unshadowed(page);
            }
        }
        page.unsync = false;
        if (page.rootCount == 0) {
            release(page);
        } else if (first) {
            boolean known = obsolete(page);
            page.invalid = true;
            if (!known) {
                vm.requestAll(Request.MMU_FREE_OBSOLETE_ROOTS);
            }
        }
    }

    private void zapUnsyncChildren(ShadowPage page) {
        for (int i = page.nextUnsync(0); i >= 0; i = page.nextUnsync(i + 1)) {
            long spte = read(page, i);
            page.clearUnsyncBit(i);
            if (format.present(spte) && !format.leaf(spte, page.level())) {
                ShadowPage child = child(spte);
                zapUnsyncChildren(child);
                if (child.unsync) {
                    prepareZap(child);
                }
            }
            if (i == ShadowPage.ENTRIES - 1) {
                return;
            }
        }
    }

    private void release(ShadowPage page) {
        byId[page.id] = null;
        byTable.add(page.table >>> 12, -page.id);
        if (freeCount == freeIds.length) {
            freeIds = Arrays.copyOf(freeIds, 2 * freeCount);
        }
        freeIds[freeCount++] = page.id;
        frames.free(page.table);
    }

    /** A root is no longer used by a vCPU. */
    void putRoot(ShadowPage page) {
        page.rootCount--;
        if (page.rootCount == 0 && page.invalid) {
            prepareZap(page);
        }
    }

    /** kvm_mmu_zap_all_fast. */
    void zapAllFast() {
        generation ^= 1;
        vm.counters.fastZaps++;
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.ZAP_ALL_FAST, generation, count);
        }
        vm.requestAll(Request.MMU_FREE_OBSOLETE_ROOTS);
        int zapped = 0;
        for (int id = 1; id < nextId; id++) {
            ShadowPage page = byId[id];
            if (page != null && !page.invalid && page.generation != generation) {
                prepareZap(page);
                if (++zapped % ZAP_BATCH == 0) {
                    vm.yieldAt(YieldPoint.ZAP_BATCH);
                }
            }
        }
        if (zapped > 0) {
            vm.requestAll(Request.TLB_FLUSH);
        }
    }

    /** Empties every leaf that maps a frame of [start, end), in both address spaces. */
    void zapGfnRange(long start, long end) {
        boolean flush = false;
        for (int space = 0; space < MemorySlots.SPACES; space++) {
            for (MemorySlot slot : vm.slots().slots(space)) {
                for (int level = 1; level <= MemorySlot.LEVELS; level++) {
                    flush |= zapIn(slot, level, Math.max(start, slot.base), Math.min(end, slot.end));
                }
            }
        }
        if (flush) {
            vm.requestAll(Request.TLB_FLUSH);
        }
    }

    private boolean zapIn(MemorySlot slot, int level, long start, long end) {
        boolean flush = false;
        long step = 1L << 9 * (level - 1);
        for (long gfn = start; slot.hasLevel(level) && gfn < end; gfn = (gfn & -step) + step) {
            for (int handle = rmap.first(slot, level, gfn); handle != 0; handle = rmap.first(slot, level, gfn)) {
                flush |= drop(page(handle), ShadowPage.indexOf(handle));
            }
        }
        return flush;
    }

    /** Takes every page out of use that has this guest table; whether any was. */
    boolean zapTablesOf(long gfn) {
        boolean zapped = false;
        for (ShadowPage page = chain(gfn); page != null; ) {
            ShadowPage next = page.hashNext;
            if (page.gfn == gfn && !page.direct() && !page.invalid) {
                prepareZap(page);
                zapped = true;
                next = chain(gfn);
            }
            page = next;
        }
        if (zapped) {
            vm.requestAll(Request.TLB_FLUSH);
        }
        return zapped;
    }

    // ---- dirty logging ----------------------------------------------------------------------------------------------

    /** Logging began: large pages go and writes are caught. It ended: writes need not be caught, faults will see to that. */
    void dirtyLogChanged(MemorySlot slot) {
        if (slot.dirty == null) {
            return;
        }
        for (int level = 2; level <= MemorySlot.LEVELS; level++) {
            zapIn(slot, level, slot.base, slot.end);
        }
        for (long gfn = slot.base; slot.hasLevel(1) && gfn < slot.end; gfn++) {
            protect(slot, gfn, 1, false);
        }
    }

    /** Catches the next write to each page of {@code mask}; whether hardware must forget something. */
    boolean protectPages(MemorySlot slot, long[] mask) {
        boolean flush = false;
        for (int word = 0; word < mask.length; word++) {
            for (long bits = mask[word]; bits != 0; bits &= bits - 1) {
                long gfn = slot.base + ((long) word << 6) + Long.numberOfTrailingZeros(bits);
                flush |= protect(slot, gfn, 1, false);
            }
        }
        return flush;
    }

    /** Write-protects the leaves of one level that map the frame; whether any was writable. */
    boolean protect(MemorySlot slot, long gfn, int level, boolean watched) {
        boolean flush = false;
        for (int handle : rmap.all(slot, level, gfn)) {
            ShadowPage page = page(handle);
            int index = ShadowPage.indexOf(handle);
            long old = read(page, index);
            long now = format.writeProtected(old, watched);
            if (now != old) {
                write(page, index, old, now);
                flush |= format.writable(old);
            }
        }
        return flush;
    }

    void trackWrite(Gpa address, int bytes) {
        tracking.written(address.value(), bytes);
    }
}
