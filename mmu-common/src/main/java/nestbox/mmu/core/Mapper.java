package nestbox.mmu.core;

import nestbox.mmu.core.Fault.Outcome;
import nestbox.mmu.paging.Walker;

/** Builds the chain of shadow pages down to the leaf that a fault needs (direct_map, FNAME(fetch)). */
final class Mapper {
    private final MmuVcpu vcpu;
    private final MmuVm vm;
    private final ShadowPages pages;
    private final SpteFormat format;
    private final Leaves leaves;

    Mapper(MmuVcpu vcpu, MmuVm vm, Leaves leaves) {
        this.vcpu = vcpu;
        this.vm = vm;
        this.leaves = leaves;
        pages = vm.pages;
        format = pages.format;
    }

    private static ShadowPage top(Mmu mmu, long address) {
        ShadowPage root = mmu.roots.current.page;
        return root != null ? root : Roots.paeRoot(mmu, address);
    }

    private static int index(long address, int level) {
        return (int) (address >>> 12 + 9 * (level - 1)) & ShadowPage.ENTRIES - 1;
    }

    /** The entry at which a walk of the shadow tables for this address ends. */
    long leafOf(Mmu mmu, long address) {
        ShadowPage page = top(mmu, address);
        long spte = 0;
        while (page != null) {
            int level = page.level();
            spte = pages.read(page, index(address, level));
            if (!format.present(spte) || format.leaf(spte, level) || format.illegal(spte)) {
                break;
            }
            page = pages.child(spte);
        }
        return spte;
    }

    /** The frame at which a walk from {@code root} ends, -1 if it ends at no leaf of memory. */
    static long frameOf(ShadowPages pages, ShadowPage root, long address) {
        for (ShadowPage page = root; page != null; ) {
            int level = page.level();
            int index = index(address, level);
            long spte = pages.read(page, index);
            if (!pages.format.present(spte)) {
                return -1;
            }
            if (pages.format.leaf(spte, level)) {
                long within = (1L << 9 * (level - 1)) - 1;
                return page.leafGfn(index) | address >>> 12 & within;
            }
            page = pages.child(spte);
        }
        return -1;
    }

    /** fast_page_fault: the entry is write-protected for nothing but dirty logging. */
    boolean makeWritable(Mmu mmu, Fault fault) {
        long address = fault.address.value();
        ShadowPage page = top(mmu, address);
        while (page != null) {
            int level = page.level();
            int index = index(address, level);
            long old = pages.read(page, index);
            if (!format.present(old)) {
                return false;
            }
            if (format.leaf(old, level)) {
                if (format.writable(old) || !format.fastWritable(old) || level > 1) {
                    return false;
                }
                long now = format.makeWritable(old);
                pages.write(page, index, old, now);
                vm.slots().markDirty(vcpu.space(), fault.gfn);
                if (vm.trace.on) {
                    vm.trace.emit(
                            MmuTrace.FAST_PAGE_FAULT, address, fault.errorCode, page.table + 8L * index, old, now);
                }
                return true;
            }
            page = pages.child(old);
        }
        return false;
    }

    /** The largest page that slot, configuration, policies and shadowed tables allow around the frame. */
    private int goal(Fault fault) {
        MemorySlot slot = fault.slot;
        if (slot == null || !vm.config.largePages() || vm.config.reference() || slot.dirty != null) {
            return 1;
        }
        int highest = Math.min(fault.maxLevel, vm.config.gigabytePages() ? 3 : 2);
        for (int level = Math.min(highest, MemorySlot.LEVELS); level > 1; level--) {
            long pagesWithin = 1L << 9 * (level - 1);
            if (slot.canMap(level, fault.gfn)
                    && pages.tracking().allowsLarge(fault.gfn, level)
                    && vm.slots().uniform(fault.gfn & -pagesWithin, pagesWithin)) {
                return level;
            }
        }
        return 1;
    }

    Outcome direct(Mmu mmu, Fault fault) {
        long address = fault.address.value();
        ShadowPage page = top(mmu, address);
        int goal = Math.min(goal(fault), page.level());
        while (page.level() > goal) {
            int level = page.level();
            long first = fault.gfn & -(1L << 9 * (level - 1));
            page = directChild(page, index(address, level), first, Role.ALL_ACCESS);
        }
        return leaf(page, index(address, goal), Role.ALL_ACCESS, goal, fault);
    }

    /** The direct page below an entry, which is made if something else is there. */
    private ShadowPage directChild(ShadowPage page, int index, long gfn, int access) {
        long spte = pages.read(page, index);
        int role = Role.child(page.role, index, true, access);
        if (format.present(spte) && !format.leaf(spte, page.level())) {
            ShadowPage child = pages.child(spte);
            if (child.role == role && child.gfn == gfn && !pages.obsolete(child)) {
                return child;
            }
        }
        if (pages.drop(page, index)) {
            vm.requestAll(Request.TLB_FLUSH);
        }
        ShadowPage child = pages.get(vcpu, gfn, role);
        pages.link(page, index, child);
        return child;
    }

    private Outcome leaf(ShadowPage page, int index, int access, int goal, Fault fault) {
        vm.yieldAt(YieldPoint.FAULT_INSTALL);
        page.writes = 0;
        if (fault.slot == null) {
            leaves.setMmio(vcpu, page, index, access, fault.gfn);
            return Outcome.EMULATE;
        }
        long within = (1L << 9 * (goal - 1)) - 1;
        long gfn = fault.gfn & ~within;
        long hpa = fault.hpa - ((fault.gfn & within) << 12);
        switch (leaves.set(fault.slot, page, index, access, gfn, hpa, fault.write)) {
            case Leaves.PROTECTED:
                return Outcome.WRITE_PROTECTED;
            case Leaves.SPURIOUS:
                return Outcome.SPURIOUS;
            default:
                return Outcome.FIXED;
        }
    }

    /** @param rights of the leaf to make */
    Outcome shadow(Mmu mmu, Fault fault, int rights) {
        long address = fault.address.value();
        Walker walker = mmu.walk.walker;
        ShadowPage page = top(mmu, address);
        if (page == null) {
            // The guest has gained a PDPTE, or its root gained memory, since the roots were built.
            mmu.roots.free(MmuVcpu.ROOT_CURRENT);
            return Outcome.RETRY;
        }
        if (!mmu.walk.unchanged(Math.min(Roles.level(mmu.cpuRole), walker.firstLevel))) {
            return Outcome.RETRY;
        }
        page.writes = 0;
        while (page.level() > walker.level) {
            page = tableChild(mmu, page, index(address, page.level()));
            if (page == null) {
                return Outcome.RETRY;
            }
        }
        int goal = Math.min(goal(fault), page.level());
        while (page.level() > goal) {
            int level = page.level();
            long first = fault.gfn & -(1L << 9 * (level - 1));
            page = directChild(page, index(address, level), first, rights);
        }
        return leaf(page, index(address, goal), rights, goal, fault);
    }

    /** The page below an entry that stands for the guest's table below; null if the guest has changed the entry meanwhile. */
    private ShadowPage tableChild(Mmu mmu, ShadowPage page, int index) {
        Walker walker = mmu.walk.walker;
        int below = page.level() - 1;
        boolean ancestors = vm.policies.applies(MmuPolicy.SHADOW_TABLE_ACCESS, vcpu);
        int ignored = ancestors ? 0 : Role.ACCESS;
        int access = walker.tableRights[ancestors ? below : Math.min(walker.level, below)];
        int role = Role.child(page.role, index, false, access);
        long gfn = walker.tables[below] >>> 12;
        long spte = pages.read(page, index);
        if (format.present(spte) && !format.leaf(spte, page.level())) {
            ShadowPage linked = pages.child(spte);
            if (linked.gfn == gfn && ((linked.role ^ role) & ~ignored) == 0 && !pages.obsolete(linked)) {
                linked.writes = 0;
                return linked;
            }
        }
        ShadowPage child = pages.get(vcpu, gfn, role);
        if (child.unsyncChildren > 0 && vm.policies.applies(MmuPolicy.ROOTS_SYNC_CHILD_BEFORE_LINK, vcpu)) {
            vcpu.sync().children(child);
        }
        if (!mmu.walk.unchanged(page.level())) {
            return null;
        }
        if (pages.drop(page, index)) {
            vm.requestAll(Request.TLB_FLUSH);
        }
        pages.link(page, index, child);
        return child;
    }
}
