package nestbox.mmu.core;

import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingMode;

/** Compares unsync pages with the guest's tables again (kvm_sync_page, mmu_sync_children). */
final class PageSync {
    private final MmuVcpu vcpu;
    private final MmuVm vm;
    private final ShadowPages pages;
    private final Leaves leaves;

    PageSync(MmuVcpu vcpu, MmuVm vm, Leaves leaves) {
        this.vcpu = vcpu;
        this.vm = vm;
        this.leaves = leaves;
        pages = vm.pages;
    }

    /** Whether the MMU in use reads the page's table as the page was made. */
    private boolean sameContext(ShadowPage page) {
        Mmu mmu = vcpu.mmu();
        return !page.direct() && !Role.has(mmu.role, Role.DIRECT) && ((page.role ^ mmu.role) & ~Role.NOT_COMPARED) == 0;
    }

    /**
     * Brings a lowest-level page up to date; it stays unsync.
     *
     * @return 1 if hardware must forget something, 0 if not, -1 if the MMU in use cannot read this table
     */
    int page(ShadowPage page) {
        return sameContext(page) ? entries(page) : -1;
    }

    /** Takes a page for in sync once the MMU in use has read its table in its own way; false if the entries' size differs. */
    boolean inAnyContext(ShadowPage page) {
        if (((page.role ^ vcpu.mmu().role) & Role.FOUR_BYTES) != 0) {
            return false;
        }
        page.unsync = false;
        pages.tracking().protectFrame(page.gfn);
        entries(page);
        vm.requestAll(Request.TLB_FLUSH);
        return true;
    }

    private int entries(ShadowPage page) {
        if (vm.trace.on) {
            MmuTrace.page(vm.trace, MmuTrace.SYNC_PAGE, page);
        }
        vm.counters.pagesSynced++;
        boolean flush = false;
        for (int index = 0, left = page.used; left > 0; index++) {
            if (pages.read(page, index) != 0) {
                left--;
                flush |= entry(page, index);
            }
        }
        return flush ? 1 : 0;
    }

    /** One entry of an unsync page; as {@link #page}. */
    int single(ShadowPage page, int index) {
        if (!sameContext(page)) {
            return -1;
        }
        return pages.read(page, index) != 0 && entry(page, index) ? 1 : 0;
    }

    private boolean entry(ShadowPage page, int index) {
        long old = pages.read(page, index);
        PagingMode mode = vcpu.mmu().walk.mode;
        long gpte = vcpu.mmu().walk.entry(page.role, page.gpteAddress(index, mode.entryBytes()));
        vm.yieldAt(YieldPoint.SYNC_ENTRY);
        if (!mode.present(gpte) || mode.illegal(gpte, 1, true) || !mode.accessed(gpte)) {
            return pages.drop(page, index);
        }
        int access = Role.access(page.role) & mode.grants(gpte, 1);
        if (!mode.dirty(gpte)) {
            access &= ~Access.WRITE;
        }
        long gfn = mode.frame(gpte) >>> 12;
        SpteFormat format = pages.format;
        if (format.mmio(old)) {
            pages.write(page, index, old, 0);
            if (format.mmioGfn(old) == gfn) {
                leaves.setMmio(vcpu, page, index, access, gfn);
            }
            return false;
        }
        if (gfn != page.leafGfn(index) || (access & (Access.READ | Access.EXECUTE)) == 0) {
            return pages.drop(page, index);
        }
        if (access == page.leafAccess(index)) {
            return false;
        }
        MemorySlot slot = vm.slots().find(Role.space(page.role), gfn);
        if (slot == null) {
            return pages.drop(page, index);
        }
        page.setTranslation(index, gfn, access);
        long now = leaves.make(slot, page, access, gfn, format.frame(old), false, false);
        pages.write(page, index, old, now);
        return leaves.narrower(old, now);
    }

    /** Synchronises every unsync page below; they are write-protected and in sync afterwards. */
    void children(ShadowPage page) {
        if (below(page)) {
            vm.requestAll(Request.TLB_FLUSH);
        }
    }

    private boolean below(ShadowPage page) {
        boolean flush = false;
        for (int i = page.nextUnsync(0); i >= 0; i = i + 1 < ShadowPage.ENTRIES ? page.nextUnsync(i + 1) : -1) {
            page.clearUnsyncBit(i);
            long spte = pages.read(page, i);
            if (!pages.format.present(spte) || pages.format.leaf(spte, page.level())) {
                continue;
            }
            ShadowPage child = pages.child(spte);
            if (child.unsync) {
                flush |= unsync(child);
            } else {
                flush |= below(child);
            }
        }
        return flush;
    }

    private boolean unsync(ShadowPage page) {
        boolean flush = pages.tracking().protectFrame(page.gfn);
        if (flush && vm.policies.applies(MmuPolicy.SHADOW_SYNC_FLUSH, vcpu)) {
            // Else another processor could still write to the table after it has been read.
            vm.requestAll(Request.TLB_FLUSH);
            flush = false;
        }
        page.unsync = false;
        int changes = page(page);
        if (changes < 0) {
            pages.prepareZap(page);
            return true;
        }
        return flush | changes > 0;
    }
}
