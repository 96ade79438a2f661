package nestbox.x86.mem;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.tlb.TranslationCache;
import nestbox.x86.Cpu;
import nestbox.x86.mem.TranslationObserver.Scope;
import nestbox.x86.model.Vendor;

/**
 * The silicon's side of the invalidating instructions (SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure
 * Caches"; APM Vol. 2, "TLB Management").
 */
final class SiliconControl implements TranslationControl {
    /** AMD flushes at any change of these; Intel names fewer. */
    private static final long AMD_CR0 = Cpu.CR0_PG | Cpu.CR0_PE;

    /** By the type of INVPCID. */
    private static final Scope[] BY_TYPE = {Scope.ADDRESS_OF_PCID, Scope.CONTEXT, Scope.ALL, Scope.ALL_BUT_GLOBAL};

    private static final long AMD_CR4 = Cpu.CR4_PGE | Cpu.CR4_PAE | Cpu.CR4_PSE;

    private final Cpu cpu;
    private final SiliconPort port;
    private final Worlds worlds;
    private final PagingState host;
    /** The one in force. */
    private PagingState state;

    private final TranslationCache cache;
    private final boolean amd;
    private long space;
    private TranslationObserver observer;
    private boolean a20Open = true;
    private boolean a20Ignored;

    SiliconControl(Cpu cpu, SiliconPort port, Worlds worlds, TranslationCache cache) {
        this.cpu = cpu;
        this.port = port;
        this.worlds = worlds;
        this.host = worlds.host().state;
        this.state = host;
        this.cache = cache;
        this.amd = cpu.features.vendor() == Vendor.AMD;
    }

    void observe(TranslationObserver newObserver) {
        observer = newObserver;
    }

    private void report(Scope scope, int pcid, long linear) {
        if (observer != null) {
            observer.invalidated(cpu, scope, pcid, linear);
        }
    }

    /** The tags and the context follow the registers. */
    private void follow() {
        cache.select(space, state.pcid());
        port.contextChanged();
    }

    @Override
    public void invalidatePage(long linear) {
        if (canonical(linear)) {
            cache.dropPageOfGroup(linear & state.linearMask);
            // AMD's INVLPG drops the upper levels whatever they translate, as long as EFER.TCE is clear.
            cache.dropAllStructures(amd ? -1 : cache.pcid());
            report(Scope.ADDRESS, cache.pcid(), linear & state.linearMask);
        }
    }

    private boolean canonical(long linear) {
        int shift = state.canonicalShift;
        return linear << shift >> shift == linear;
    }

    @Override
    public void invalidatePcid(int type, int pcid, long linear) {
        switch (type) {
            case INDIVIDUAL_ADDRESS -> cache.dropAddress(pcid, linear & state.linearMask);
            case SINGLE_CONTEXT -> cache.dropContext(pcid);
            case ALL_CONTEXTS -> cache.dropGroup();
            default -> cache.dropAllButGlobal();
        }
        report(BY_TYPE[type], pcid, linear & state.linearMask);
    }

    @Override
    public void cr0Written(long oldValue) {
        long changed = oldValue ^ cpu.cr0;
        if ((oldValue & ~cpu.cr0 & Cpu.CR0_PG) != 0 || (amd && (changed & AMD_CR0) != 0)) {
            cache.dropGroup();
            report(Scope.ALL, 0, 0);
        }
        follow();
    }

    @Override
    public void cr3Written(long oldValue, boolean keep) {
        cache.select(space, state.pcid());
        if (!keep) {
            cache.dropContext(cache.pcid());
            report(Scope.CONTEXT, cache.pcid(), 0);
        }
        port.contextChanged();
        cpu.mem.dropAll();
    }

    @Override
    public void cr4Written(long oldValue) {
        long changed = oldValue ^ cpu.cr4;
        boolean pcideCleared = (oldValue & ~cpu.cr4 & Cpu.CR4_PCIDE) != 0;
        boolean smepSet = (cpu.cr4 & ~oldValue & Cpu.CR4_SMEP) != 0;
        if ((changed & Cpu.CR4_PGE) != 0 || pcideCleared || (amd && (changed & AMD_CR4) != 0)) {
            cache.dropGroup();
            report(Scope.ALL, 0, 0);
        } else if ((changed & Cpu.CR4_PAE) != 0 || smepSet) {
            cache.dropContext(cache.pcid());
            cache.dropGlobal();
            report(Scope.CONTEXT_AND_GLOBAL, cache.pcid(), 0);
        }
        follow();
    }

    @Override
    public void eferWritten(long oldValue) {
        if (amd && ((oldValue ^ cpu.efer) & Cpu.EFER_NXE) != 0) {
            cache.dropGroup();
        }
        follow();
    }

    @Override
    public boolean loadPdptes(long cr3) {
        if (state.pdptesInMemory()) {
            return true;
        }
        PagingMode pae = state.pae();
        long table = cr3 & 0xffffffe0L;
        long[] loaded = new long[4];
        for (int i = 0; i < 4; i++) {
            loaded[i] = port.readGuestPhysical(table + 8 * i, 8);
            if (pae.pdpteReserved(loaded[i])) {
                return false;
            }
        }
        System.arraycopy(loaded, 0, cpu.pdpte, 0, 4);
        return true;
    }

    @Override
    public void invalidateAll() {
        dropEverything();
        report(Scope.ALL, 0, 0);
        follow();
    }

    @Override
    public void setA20(boolean open) {
        a20Open = open;
        port.setGate(a20Open || a20Ignored);
    }

    @Override
    public void ignoreA20(boolean ignored) {
        a20Ignored = ignored;
        port.setGate(a20Open || a20Ignored);
    }

    @Override
    public boolean a20() {
        return a20Open;
    }

    @Override
    public void enterSpace(long newSpace, SecondStage second) {
        space = newSpace;
        Worlds.World world = worlds.of(newSpace);
        state = world.state;
        state.setPdptesInMemory(second != null && second.pdptesInMemory);
        state.update();
        cache.select(space, state.pcid());
        port.enter(world, second, space, cache.pcid());
    }

    @Override
    public void watchPage(long physical) {
        port.watchPage(physical);
    }

    @Override
    public long guestPhysical(long address, boolean write) {
        return port.guestPhysical(address, write);
    }

    @Override
    public void dropSpaces(long mask, long wanted, boolean globalToo) {
        cache.dropSpaces(mask, wanted, globalToo);
    }

    @Override
    public void dropAddress(long ofSpace, long linear) {
        cache.dropAddressOfGroup(ofSpace, linear);
    }

    @Override
    public void dropGuestPhysical(long tables) {
        port.dropGuestPhysical(tables);
    }

    @Override
    public long space() {
        return space;
    }

    @Override
    public void drop(long ofSpace, int pcid, boolean globalToo, boolean structures, long first, int pages, int shift) {
        if (pages == 0) {
            cache.dropMatching(ofSpace, pcid, globalToo, TranslationCache.EVERYWHERE);
        }
        for (int i = 0; i < pages; i++) {
            cache.dropMatching(ofSpace, pcid, globalToo, first + ((long) i << shift));
        }
        if (structures) {
            cache.dropStructuresMatching(ofSpace, pcid);
        }
    }

    @Override
    public void saveTranslations(StateWriter out) {
        host.save(out);
        cache.save(out);
        port.guestPhysicals().save(out);
    }

    @Override
    public void restoreTranslations(StateReader in) {
        host.restore(in);
        cache.restore(in);
        port.guestPhysicals().restore(in);
    }

    @Override
    public void dropEverything() {
        cache.clear();
        port.dropGuestPhysical(-1);
    }

    @Override
    public PagingMode hostPaging() {
        return !host.paging ? null : host.mode.format == PagingFormat.PAE ? host.paeInMemory() : host.mode;
    }
}
