package nestbox.mmu.core;

/**
 * Keeps shadow pages true to the guest's tables. A frame that holds a shadowed table is write-protected, and never mapped by a
 * large page. A write to a lowest-level table may make its shadow pages <i>unsync</i> instead, to be compared with the table at
 * the guest's next flush; tables above are tracked for good, and each write to them is emulated.
 */
final class WriteTracking {
    private static final int FLOOD = 3;
    private static final int SHORTEST = 4;

    private final MmuVm vm;
    private final ShadowPages pages;
    private final FrameCounts tracked = new FrameCounts();
    /** Shadowed tables by number of the 2-MiB and the 1-GiB page around them. */
    private final FrameCounts[] within = {new FrameCounts(), new FrameCounts()};

    WriteTracking(MmuVm vm, ShadowPages pages) {
        this.vm = vm;
        this.pages = pages;
    }

    /** A page with a guest's table has been made; whether hardware must forget something. */
    boolean shadowed(ShadowPage page) {
        count(page, 1);
        return protectFrame(page.gfn);
    }

    void unshadowed(ShadowPage page) {
        count(page, -1);
    }

    private void count(ShadowPage page, int delta) {
        if (page.level() > 1) {
            tracked.add(page.gfn, delta);
        }
        within[0].add(page.gfn >>> 9, delta);
        within[1].add(page.gfn >>> 18, delta);
    }

    /** Whether every write to the frame must be seen. */
    boolean isTracked(long gfn) {
        return tracked.get(gfn) > 0;
    }

    /** Whether the large page of {@code level} around {@code gfn} holds no shadowed table. */
    boolean allowsLarge(long gfn, int level) {
        return within[level - 2].get(gfn >>> 9 * (level - 1)) == 0;
    }

    /** Write-protects a frame wherever it is mapped; whether any mapping was writable. */
    boolean protectFrame(long gfn) {
        boolean flush = false;
        for (int space = 0; space < MemorySlots.SPACES; space++) {
            MemorySlot slot = vm.slots().find(space, gfn);
            for (int level = 1; slot != null && level <= MemorySlot.LEVELS; level++) {
                flush |= pages.protect(slot, gfn, level, true);
            }
        }
        return flush;
    }

    /**
     * Asks to map the frame writable.
     *
     * @param mayUnsync lowest-level tables in it may become unsync
     * @return whether it must stay write-protected
     */
    boolean mustProtect(long gfn, boolean mayUnsync) {
        if (!pages.anyIndirect()) {
            return false;
        }
        if (isTracked(gfn)) {
            return true;
        }
        for (ShadowPage page = pages.chain(gfn); page != null; page = page.hashNext) {
            if (page.gfn == gfn && !page.direct() && !pages.obsolete(page)) {
                if (!mayUnsync || vm.config.reference()) {
                    return true;
                }
                if (!page.unsync) {
                    unsync(page);
                }
            }
        }
        return false;
    }

    private void unsync(ShadowPage page) {
        if (vm.trace.on) {
            MmuTrace.page(vm.trace, MmuTrace.UNSYNC_PAGE, page);
        }
        vm.counters.pagesUnsynced++;
        page.unsync = true;
        markParents(page);
    }

    private void markParents(ShadowPage page) {
        for (int i = 0; i < page.parentCount(); i++) {
            markUnsync(page.parent(i));
        }
    }

    /** Notes that what an entry references is unsync or has such pages below it. */
    void markUnsync(int handle) {
        ShadowPage parent = pages.page(handle);
        if (parent.setUnsyncBit(ShadowPage.indexOf(handle))) {
            markParents(parent);
        }
    }

    /** kvm_mmu_track_write: bytes of guest memory have been written by other means than through hardware's translations. */
    void written(long gpa, int bytes) {
        if (!pages.anyIndirect()) {
            return;
        }
        long gfn = gpa >>> 12;
        boolean flush = false;
        for (ShadowPage page = pages.chain(gfn); page != null; ) {
            ShadowPage next = page.hashNext;
            if (page.gfn == gfn && !page.direct() && !pages.obsolete(page)) {
                vm.yieldAt(YieldPoint.TABLE_WRITTEN);
                vm.counters.emulatedTableWrites++;
                if (misaligned(page, gpa, bytes) || flooded(page)) {
                    vm.counters.pagesFlooded++;
                    pages.prepareZap(page);
                    flush = true;
                    next = pages.chain(gfn);
                } else {
                    flush |= dropWritten(page, (int) gpa & 0xfff);
                }
            }
            page = next;
        }
        if (flush) {
            vm.requestAll(Request.TLB_FLUSH);
        }
    }

    /** Not the write of one entry: the page is hardly a table any more. One byte may set a flag. */
    private static boolean misaligned(ShadowPage page, long gpa, int bytes) {
        int entry = Role.has(page.role, Role.FOUR_BYTES) ? 4 : 8;
        int offset = (int) gpa & 0xfff;
        if ((offset & entry - 1) == 0 && bytes == 1) {
            return false;
        }
        return ((offset ^ offset + bytes - 1) & -entry) != 0 || bytes < SHORTEST;
    }

    private static boolean flooded(ShadowPage page) {
        return page.level() > 1 && ++page.writes >= FLOOD;
    }

    private boolean dropWritten(ShadowPage page, int offset) {
        if (!Role.has(page.role, Role.FOUR_BYTES)) {
            return pages.drop(page, offset >>> 3);
        }
        int entry = offset >>> 2;
        int copies = page.level() == 2 ? 2 : 1;
        int index = entry * copies;
        if (index >>> 9 != Role.quadrant(page.role)) {
            return false;
        }
        boolean flush = false;
        for (int i = 0; i < copies; i++) {
            flush |= pages.drop(page, (index & ShadowPage.ENTRIES - 1) + i);
        }
        return flush;
    }
}
