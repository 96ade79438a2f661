package nestbox.mmu.core;

/** Builds, switches, synchronises and drops the roots of a vCPU. */
final class Roots {
    private static final long TABLE_BITS = 0x27;

    private final MmuVcpu vcpu;
    private final MmuVm vm;
    private final GuestContext guest;
    private final ShadowPages pages;
    private final long[] pdptes = new long[Mmu.PAE_ROOTS];
    /** What was handed out last, to be handed out again while it is true. */
    private RootToLoad last;

    Roots(MmuVcpu vcpu, MmuVm vm, GuestContext guest) {
        this.vcpu = vcpu;
        this.vm = vm;
        this.guest = guest;
        pages = vm.pages;
    }

    /** kvm_mmu_new_pgd. */
    void newPgd(Mmu mmu, long pgd) {
        if (!mmu.roots.switchTo(pgd, mmu.role, vm.policies.applies(MmuPolicy.ROOTS_COMPARE_ROLE, vcpu))) {
            return;
        }
        vm.counters.rootsReused++;
        vcpu.raise(Request.LOAD_MMU_PGD);
        if (vm.policies.applies(MmuPolicy.ROOTS_FORCE_SYNC_ON_REUSE, vcpu)) {
            vcpu.raise(Request.MMU_SYNC);
            vcpu.raise(Request.TLB_FLUSH_CURRENT);
        }
        if (vm.policies.applies(MmuPolicy.MMIO_CLEAR_ON_NEW_PGD_HIT, vcpu)) {
            vcpu.mmio().clear();
        }
        if (!mmu.direct()) {
            mmu.roots.current.page.writes = 0;
        }
    }

    // ---- building ---------------------------------------------------------------------------------------------------

    /** kvm_mmu_load, up to giving the root to hardware. */
    void load(Mmu mmu) {
        if (mmu.direct()) {
            loadDirect(mmu);
        } else {
            loadShadow(mmu);
        }
        vm.counters.rootsBuilt++;
        if (vm.policies.applies(MmuPolicy.MMIO_CLEAR_ON_LOAD, vcpu)) {
            vcpu.mmio().clear();
        }
        sync(mmu);
    }

    private void loadDirect(Mmu mmu) {
        if (Role.level(mmu.role) > 3) {
            setRoot(mmu, 0, root(0, mmu.role));
            return;
        }
        for (int i = 0; i < Mmu.PAE_ROOTS; i++) {
            mmu.pae[i] = root((long) i << 18, Role.withLevel(mmu.role, 2));
        }
        setPaeRoots(mmu, 0);
    }

    private ShadowPage root(long gfn, int role) {
        ShadowPage page = pages.get(vcpu, gfn, role);
        page.rootCount++;
        return page;
    }

    private void setRoot(Mmu mmu, long pgd, ShadowPage page) {
        mmu.roots.current.set(pgd, page.table, page);
    }

    private void loadShadow(Mmu mmu) {
        long pgd = mmu.walk.root();
        int guestLevel = Roles.level(mmu.cpuRole);
        long gfn = tableGfn(mmu, pgd, guestLevel);
        if (!visible(gfn)) {
            mmu.roots.current.set(pgd, vm.dummyTable(), null);
            return;
        }
        if (guestLevel >= 4) {
            setRoot(mmu, pgd, root(gfn, mmu.role));
            return;
        }
        if (guestLevel == 3) {
            readPdptes(mmu, pgd);
        }
        vm.yieldAt(YieldPoint.ROOTS_BEFORE_LOCK);
        int role = Role.withLevel(mmu.role, 2) & ~Role.PASSTHROUGH;
        for (int i = 0; i < Mmu.PAE_ROOTS; i++) {
            if (guestLevel == 2) {
                mmu.pae[i] = root(gfn, Role.withQuadrant(role, i));
            } else if ((pdptes[i] & 1) != 0 && visible(frame(mmu, pdptes[i]))) {
                mmu.pae[i] = root(frame(mmu, pdptes[i]), role);
            }
        }
        setPaeRoots(mmu, pgd);
    }

    private static long frame(Mmu mmu, long entry) {
        return mmu.walk.mode.frame(entry) >>> 12;
    }

    private static long tableGfn(Mmu mmu, long pgd, int guestLevel) {
        return guestLevel < 4 ? (pgd & 0xffffffffL) >>> 12 : frame(mmu, pgd);
    }

    private boolean visible(long gfn) {
        return vm.slots().toHpa(vcpu.space(), gfn << 12) >= 0;
    }

    private void readPdptes(Mmu mmu, long pgd) {
        boolean registers = mmu.walk.mode.format == nestbox.mmu.paging.PagingFormat.PAE;
        for (int i = 0; i < Mmu.PAE_ROOTS; i++) {
            pdptes[i] = registers ? guest.pdpte(i) : mmu.walk.entry(mmu.role, mmu.walk.pdpteAddress(pgd, i));
            if (mmu.walk.mode.pdpteReserved(pdptes[i])) {
                pdptes[i] = 0;
            }
        }
    }

    /** Puts the four level-2 roots under a table of PDPTEs, and that under as many levels as hardware walks. */
    private void setPaeRoots(Mmu mmu, long pgd) {
        if (mmu.paeTable == 0) {
            mmu.paeTable = vm.frames.allocateBelow4GiB();
        }
        int level = Role.level(mmu.role);
        for (int i = 0; i < Mmu.PAE_ROOTS; i++) {
            long table = mmu.pae[i] == null ? 0 : mmu.pae[i].table;
            long entry = level > 3 ? table | TABLE_BITS : SpteFormat.pdpte(table);
            vm.frames.write64(mmu.paeTable + 8 * i, table == 0 ? 0 : entry);
        }
        long hpa = mmu.paeTable;
        if (level >= 4) {
            mmu.pml4 = over(mmu.pml4, hpa);
            hpa = mmu.pml4;
        }
        if (level == 5) {
            mmu.pml5 = over(mmu.pml5, hpa);
            hpa = mmu.pml5;
        }
        mmu.roots.current.set(pgd, hpa, null);
    }

    private long over(long table, long below) {
        long made = table == 0 ? vm.frames.allocate() : table;
        vm.frames.write64(made, below | TABLE_BITS);
        return made;
    }

    RootToLoad toLoad(Mmu mmu, boolean fresh) {
        int level = Role.level(mmu.role);
        boolean flags = !Role.has(mmu.role, Role.NO_AD) && vm.config.accessedDirty();
        long hpa = mmu.roots.current.hpa;
        RootToLoad known = last;
        if (known == null
                || known.hpa() != hpa
                || known.level() != level
                || known.accessedDirty() != flags
                || known.fresh() != fresh) {
            last = new RootToLoad(hpa, level, level == 3, flags, fresh);
        }
        return last;
    }

    // ---- synchronising ----------------------------------------------------------------------------------------------

    /** kvm_mmu_sync_roots. */
    void sync(Mmu mmu) {
        if (mmu.direct() || !mmu.roots.current.valid()) {
            return;
        }
        if (vm.policies.applies(MmuPolicy.MMIO_CLEAR_ON_SYNC, vcpu)) {
            vcpu.mmio().clear();
        }
        ShadowPage page = mmu.roots.current.page;
        if (page != null) {
            vcpu.sync().children(page);
            return;
        }
        for (ShadowPage root : mmu.pae) {
            if (root != null) {
                vcpu.sync().children(root);
            }
        }
    }

    /** kvm_mmu_sync_prev_roots. */
    void syncPrevious(Mmu mmu) {
        int mask = 0;
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            ShadowPage page = mmu.roots.previous[i].page;
            if (page != null && (page.unsync || page.unsyncChildren > 0)) {
                mask |= MmuVcpu.rootPrevious(i);
            }
        }
        free(mmu, mask);
    }

    // ---- dropping ---------------------------------------------------------------------------------------------------

    void free(Mmu mmu, int mask) {
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            if ((mask & MmuVcpu.rootPrevious(i)) != 0 && mmu.roots.previous[i].valid()) {
                vm.counters.rootsFreed++;
            }
        }
        if ((mask & MmuVcpu.ROOT_CURRENT) != 0 && mmu.roots.current.valid()) {
            vm.counters.rootsFreed++;
        }
        mmu.roots.free(mask);
    }

    void freeObsolete(Mmu mmu) {
        int mask = obsolete(mmu.roots.current) ? MmuVcpu.ROOT_CURRENT : 0;
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            mask |= obsolete(mmu.roots.previous[i]) ? MmuVcpu.rootPrevious(i) : 0;
        }
        free(mmu, mask);
    }

    private boolean obsolete(RootCache.Root root) {
        return root.valid() && (root.page == null || pages.obsolete(root.page));
    }

    /** Previous roots whose PCID this is; PCIDs are 0 while CR4.PCIDE is clear. */
    int previousWithPcid(Mmu mmu, long pcid) {
        boolean enabled = (guest.cr4() & GuestWalk.CR4_PCIDE) != 0;
        int mask = 0;
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            RootCache.Root root = mmu.roots.previous[i];
            if (root.valid() && (enabled ? root.pgd & 0xfff : 0) == pcid) {
                mask |= MmuVcpu.rootPrevious(i);
            }
        }
        return mask;
    }

    /** Drops previous roots that L2 may have used (kvm_mmu_free_guest_mode_roots). */
    void freeGuestMode(Mmu mmu) {
        int mask = 0;
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            RootCache.Root root = mmu.roots.previous[i];
            if (root.valid() && (root.page == null || Role.has(root.page.role, Role.GUEST_MODE))) {
                mask |= MmuVcpu.rootPrevious(i);
            }
        }
        free(mmu, mask);
    }

    /** Roots of EPT12 that an EPTP names: address bits alone count. */
    int matchingEptp(Mmu mmu, long eptp) {
        int mask = sameTables(mmu.roots.current, eptp) ? MmuVcpu.ROOT_CURRENT : 0;
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            mask |= sameTables(mmu.roots.previous[i], eptp) ? MmuVcpu.rootPrevious(i) : 0;
        }
        return mask;
    }

    private static boolean sameTables(RootCache.Root root, long eptp) {
        return root.valid() && ((root.pgd ^ eptp) & 0xf_ffff_ffff_f000L) == 0;
    }

    // ---- one address ------------------------------------------------------------------------------------------------

    /** Brings what the roots of {@code mask} say about one address up to date (kvm_mmu_invalidate_addr). */
    void invalidateAddress(Mmu mmu, long address, int mask) {
        boolean flush = false;
        if ((mask & MmuVcpu.ROOT_CURRENT) != 0 && mmu.roots.current.valid()) {
            ShadowPage page = mmu.roots.current.page;
            flush = refresh(page != null ? page : paeRoot(mmu, address), address);
        }
        for (int i = 0; i < RootCache.PREVIOUS; i++) {
            if ((mask & MmuVcpu.rootPrevious(i)) != 0 && mmu.roots.previous[i].valid()) {
                flush |= refresh(mmu.roots.previous[i].page, address);
            }
        }
        if (flush) {
            vm.requestAll(Request.TLB_FLUSH);
        }
    }

    static ShadowPage paeRoot(Mmu mmu, long address) {
        return mmu.pae[(int) (address >>> 30) & 3];
    }

    private boolean refresh(ShadowPage root, long address) {
        for (ShadowPage page = root; page != null; ) {
            int index = (int) (address >>> 12 + 9 * (page.level() - 1)) & ShadowPage.ENTRIES - 1;
            if (page.unsync) {
                int changes = vcpu.sync().single(page, index);
                return changes != 0 && (changes > 0 || pages.drop(page, index));
            }
            long spte = pages.read(page, index);
            if (page.unsyncChildren == 0 || !pages.format.present(spte) || pages.format.leaf(spte, page.level())) {
                return false;
            }
            page = pages.child(spte);
        }
        return false;
    }
}
