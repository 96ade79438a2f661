package nestbox.mmu.core;

import nestbox.mmu.paging.Access;

/** Makes leaves (mmu_set_spte, make_spte, mark_mmio_spte). */
final class Leaves {
    /** Outcomes. */
    static final int FIXED = 1;

    static final int SPURIOUS = 2;
    static final int PROTECTED = 3;

    private final MmuVm vm;
    private final ShadowPages pages;
    private final SpteFormat format;
    private boolean stayedProtected;

    Leaves(MmuVm vm) {
        this.vm = vm;
        pages = vm.pages;
        format = pages.format;
    }

    /** Maps {@code gfn} by an entry; {@code gfn} and {@code hpa} are those of the whole leaf. */
    int set(MemorySlot slot, ShadowPage page, int index, int access, long gfn, long hpa, boolean writes) {
        int level = page.level();
        long old = pages.read(page, index);
        boolean mapped = false;
        if (format.present(old)) {
            mapped = format.leaf(old, level) && format.frame(old) == hpa && page.leafGfn(index) == gfn;
            if (!mapped) {
                pages.drop(page, index);
                vm.requestAll(Request.TLB_FLUSH);
                old = 0;
            }
        }
        long spte = make(slot, page, access, gfn, hpa, writes, true);
        boolean watched = stayedProtected;
        page.setTranslation(index, gfn, access);
        if (!mapped) {
            pages.addLeaf(slot, page, index, gfn);
            vm.counters.sptesMapped++;
            vm.counters.largeSptesMapped += level > 1 ? 1 : 0;
        }
        if (spte != old) {
            pages.write(page, index, old, spte);
            if (mapped && narrower(old, spte)) {
                vm.requestAll(Request.TLB_FLUSH);
            }
            if (vm.trace.on) {
                vm.trace.emit(MmuTrace.SET_SPTE, gfn, spte, page.table + 8L * index, level);
            }
        }
        if (watched && writes) {
            return PROTECTED;
        }
        return spte == old ? SPURIOUS : FIXED;
    }

    /** @param mayUnsync lowest-level tables in the frame may become unsync */
    long make(MemorySlot slot, ShadowPage page, int access, long gfn, long hpa, boolean writes, boolean mayUnsync) {
        stayedProtected = false;
        boolean slotWritable = !slot.slot().readOnly();
        boolean wanted = slotWritable && (access & Access.WRITE) != 0;
        if (wanted) {
            stayedProtected = vm.pages.tracking().mustProtect(gfn, mayUnsync);
        }
        boolean now = slot.dirty == null || writes;
        if (wanted && !stayedProtected && now) {
            slot.markDirty(gfn);
        }
        return format.leaf(hpa, page.level(), access, slotWritable, wanted && !stayedProtected, now);
    }

    /** Whether hardware may do less by the new entry than by the old one. */
    boolean narrower(long old, long now) {
        return (format.access(old) & ~format.access(now)) != 0;
    }

    /** Marks an entry as one without memory behind it. */
    void setMmio(MmuVcpu vcpu, ShadowPage page, int index, int access, long gfn) {
        if (pages.drop(page, index)) {
            vm.requestAll(Request.TLB_FLUSH);
        }
        long generation = vm.slots().generation(vcpu.space());
        int kept = access & format.mmioAccessMask();
        pages.write(page, index, 0, format.mmio(gfn, kept, generation));
        vm.counters.pfMmioSpteCreated++;
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.MARK_MMIO_SPTE, page.table + 8L * index, gfn, kept, generation);
        }
    }
}
