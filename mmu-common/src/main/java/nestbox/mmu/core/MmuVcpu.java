package nestbox.mmu.core;

import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/**
 * The MMU of one vCPU: its roots, its walks and its MMIO cache. The event methods are called after {@link GuestContext} shows
 * the new state; they raise requests (table B.5 of the facts) and flush nothing themselves.
 *
 * <p>What hardware must be told besides the root: under shadow paging the guest runs with CR0.PG, CR0.WP, CR4.PAE and EFER.NXE
 * set, without CR4.PKE and PKS; without CR0.PG also without CR4.SMEP and SMAP. With CR4.PCIDE set CR3 carries the guest's PCID.
 */
public final class MmuVcpu implements PolicyContext, Stateful {
    /** For {@link #freeRoots}: the current root. */
    public static final int ROOT_CURRENT = 1;
    /** For {@link #freeRoots}: current and cached roots. */
    public static final int ROOTS_ALL = 15;

    private final MmuVm vm;
    private final GuestContext guest;
    private final Requests requests;
    private final GuestWalk gvaWalk;
    private final GuestWalk ngpaWalk;
    private final Mmu rootMmu;
    private final Mmu guestMmu;
    private final MmioCache mmio;
    private final PageSync sync;
    private final Roots roots;
    private final Faults faults;
    private final EmulatorWalks translations;
    private GuestModel model;
    private Mmu mmu;

    /** @param model of the guest's CPU; see {@link #modelChanged} */
    public MmuVcpu(MmuVm vm, GuestContext guest, GuestModel model, Requests requests) {
        this.vm = vm;
        this.guest = guest;
        this.requests = requests;
        this.model = model;
        gvaWalk = new GuestWalk(this, vm, guest);
        ngpaWalk = new GuestWalk(this, vm, guest);
        rootMmu = new Mmu(gvaWalk, vm.pages);
        guestMmu = new Mmu(ngpaWalk, vm.pages);
        mmu = rootMmu;
        mmio = new MmioCache(this, vm);
        Leaves leaves = new Leaves(vm);
        translations = new EmulatorWalks(this, vm, mmio, gvaWalk, ngpaWalk);
        sync = new PageSync(this, vm, leaves);
        roots = new Roots(this, vm, guest);
        faults = new Faults(this, vm, guest, new Mapper(this, vm, leaves));
        vm.vcpus.add(this);
    }

    void raise(Request request) {
        requests.raise(request);
    }

    boolean isRaised(Request request) {
        return requests.isRaised(request);
    }

    Mmu mmu() {
        return mmu;
    }

    /** How often a page is a root of this vCPU. */
    int rootsOf(ShadowPage page) {
        return rootMmu.rootsOf(page) + guestMmu.rootsOf(page);
    }

    MmioCache mmio() {
        return mmio;
    }

    PageSync sync() {
        return sync;
    }

    /** The frame that a walk of shadow tables leads to, -1 if they do not map the address. */
    long mapped(ShadowPage root, long address) {
        return Mapper.frameOf(vm.pages, root, address);
    }

    /** The address space whose slots count now. */
    int space() {
        return guest.smm() ? MemorySlots.SMM : MemorySlots.NORMAL;
    }

    /** In a mask for {@link #freeRoots}: the cached root that is {@code i}-th most recent. */
    public static int rootPrevious(int i) {
        return 2 << i;
    }

    // ---- set-up and roots -------------------------------------------------------------------------------------------

    /** Chooses the MMU for the guest's present state (kvm_init_mmu); nothing is dropped. */
    public void initMmu() {
        boolean stage = vm.config.tdp() && guest.guestMode() && guest.nestedTdp();
        if (stage) {
            initNested();
        }
        gvaWalk.followGuest(model, stage ? ngpaWalk : null);
        mmu = stage ? guestMmu : rootMmu;
        if (!stage) {
            rootMmu.cpuRole = Roles.ofGuest(guest);
            rootMmu.role =
                    vm.config.tdp() ? Roles.direct(guest, vm.config) : Roles.shadow(rootMmu.cpuRole, vm.policies, this);
        }
    }

    private void initNested() {
        if (vm.config.format().ept()) {
            ngpaWalk.followEpt(model, guest.nestedRoot());
            guestMmu.cpuRole = Roles.ofEpt(guest);
        } else {
            ngpaWalk.followNpt(model, guest.nestedRoot(), guest.hostCr4(), guest.hostEfer());
            boolean guestMode = vm.policies.applies(MmuPolicy.ROOTS_GUEST_MODE_IN_ROLE, this);
            guestMmu.cpuRole = Roles.ofNpt(guest, guestMode);
        }
        guestMmu.role = Roles.nested(guestMmu.cpuRole, vm.config);
    }

    /** Drops all roots and chooses again (kvm_mmu_reset_context). */
    public void resetContext() {
        unload();
        initMmu();
    }

    /** The guest's CPU model has changed: nothing that was shadowed under the old one counts. */
    public void modelChanged(GuestModel changed) {
        model = changed;
        vm.zapAllFast();
        resetContext();
    }

    /**
     * Makes the current root valid, as the last act before entering the guest (kvm_mmu_reload). While nothing changes it is the
     * same object again; hardware needs it if it is another or {@link RootToLoad#fresh}.
     *
     * @throws NestboxException if an {@link Invalidation} is still open
     */
    public RootToLoad reload() {
        if (vm.openInvalidations != 0) {
            throw new NestboxException("mmu", vm.openInvalidations + " invalidations have not been discharged");
        }
        if (requests.isRaised(Request.MMU_FREE_OBSOLETE_ROOTS)) {
            requests.clear(Request.MMU_FREE_OBSOLETE_ROOTS);
            freeObsoleteRoots();
        }
        if (mmu.roots.current.valid()) {
            return roots.toLoad(mmu, false);
        }
        roots.load(mmu);
        return roots.toLoad(mmu, true);
    }

    /** The root that hardware should have, for {@link Request#LOAD_MMU_PGD}; null if it is invalid ({@link #reload} then). */
    public RootToLoad currentRoot() {
        return mmu.roots.current.valid() ? roots.toLoad(mmu, false) : null;
    }

    /** Drops all roots of L1 and L2 (kvm_mmu_unload). */
    public void unload() {
        roots.free(rootMmu, ROOTS_ALL);
        roots.free(guestMmu, ROOTS_ALL);
        if (vm.policies.applies(MmuPolicy.MMIO_CLEAR_ON_UNLOAD, this)) {
            mmio.clear();
        }
    }

    /** Drops roots of the MMU in use: {@link #ROOT_CURRENT} and {@link #rootPrevious}, added. */
    public void freeRoots(int mask) {
        roots.free(mmu, mask);
    }

    /** {@link Request#MMU_FREE_OBSOLETE_ROOTS}. */
    public void freeObsoleteRoots() {
        roots.freeObsolete(rootMmu);
        roots.freeObsolete(guestMmu);
    }

    /** {@link Request#MMU_SYNC}. */
    public void syncRoots() {
        roots.sync(mmu);
    }

    /** Drops cached roots that are out of sync. */
    public void syncPrevRoots() {
        roots.syncPrevious(mmu);
    }

    /** The core's part of {@link Request#TLB_FLUSH_GUEST}. */
    public void flushGuest() {
        if (vm.config.tdp()) {
            return;
        }
        syncRoots();
        if (vm.policies.applies(MmuPolicy.ROOTS_FREE_UNSYNC_ON_GUEST_FLUSH, this)) {
            syncPrevRoots();
        }
    }

    /** The guest's CR3 (or, with nested TDP, EPTP12 or nCR3) has changed (kvm_mmu_new_pgd). */
    public void newPgd(long pgd) {
        roots.newPgd(mmu, pgd);
    }

    /**
     * The reference MMU: an instruction has completed; drops every translation of the machine. Nothing with another MMU.
     */
    public void instructionBoundary() {
        if (!vm.config.reference()) {
            return;
        }
        for (MmuVcpu vcpu : vm.vcpus) {
            vcpu.unload();
            vcpu.mmio.forget();
        }
        vm.zapAllFast();
        vm.requestAll(Request.TLB_FLUSH);
    }

    // ---- events of the guest ----------------------------------------------------------------------------------------

    /** MOV CR0, LMSW, CLTS; PDPTEs, where needed, have been loaded. */
    public void cr0Written(long old, long now) {
        long changed = old ^ now;
        if (changed == GuestWalk.CR0_WP) {
            if ((now & GuestWalk.CR0_PG) == 0) {
                return;
            }
            if (vm.config.tdp()) {
                initMmu();
                return;
            }
        }
        if ((old & ~now & GuestWalk.CR0_PG) != 0) {
            raise(Request.TLB_FLUSH_GUEST);
        }
        if ((changed & (GuestWalk.CR0_PG | GuestWalk.CR0_WP)) != 0) {
            resetContext();
        }
    }

    /**
     * MOV CR3; legal, and PDPTEs, where needed, have been loaded ({@link #pdptesLoaded}).
     *
     * @param old value before, without bit 63, as {@code now}
     * @param noFlush CR4.PCIDE is set and bit 63 of the operand was
     */
    public void cr3Written(long old, long now, boolean noFlush) {
        if (now != old) {
            newPgd(now);
        }
        if (!noFlush) {
            invalidatePcid(pcidOf(now));
        }
    }

    /** The PDPTE registers of PAE paging have been loaded; {@code changed} if any has another value than before. */
    public void pdptesLoaded(boolean changed) {
        if (changed && !vm.config.tdp()) {
            roots.free(rootMmu, ROOT_CURRENT);
        }
    }

    public void cr4Written(long old, long now) {
        long changed = old ^ now;
        if ((changed & GuestWalk.CR4_ROLE_BITS) != 0) {
            resetContext();
        }
        boolean pcideSet = (now & ~old & GuestWalk.CR4_PCIDE) != 0;
        if (pcideSet && !vm.config.tdp() && vm.policies.applies(MmuPolicy.ROOTS_UNLOAD_ON_PCIDE_SET, this)) {
            unload();
        }
        if ((changed & GuestWalk.CR4_PGE) != 0 || (old & ~now & GuestWalk.CR4_PCIDE) != 0) {
            raise(Request.TLB_FLUSH_GUEST);
        } else if ((changed & GuestWalk.CR4_PAE) != 0 || (now & ~old & GuestWalk.CR4_SMEP) != 0) {
            raise(Request.TLB_FLUSH_CURRENT);
        }
    }

    public void eferWritten(long old, long now) {
        if (((old ^ now) & (GuestWalk.EFER_NX | GuestWalk.EFER_LMA)) != 0) {
            resetContext();
        }
    }

    private long pcidOf(long cr3) {
        return (guest.cr4() & GuestWalk.CR4_PCIDE) != 0 ? cr3 & 0xfff : 0;
    }

    /** kvm_invalidate_pcid. */
    private void invalidatePcid(long pcid) {
        if (vm.config.tdp()) {
            raise(Request.TLB_FLUSH_GUEST);
            return;
        }
        if (pcid == pcidOf(guest.cr3())) {
            raise(Request.MMU_SYNC);
            raise(Request.TLB_FLUSH_CURRENT);
        }
        boolean enabled = (guest.cr4() & GuestWalk.CR4_PCIDE) != 0;
        if (enabled || !vm.policies.applies(MmuPolicy.ROOTS_PREV_WHEN_PCID_OFF, this)) {
            roots.free(mmu, roots.previousWithPcid(mmu, pcid));
        }
    }

    /** INVLPG. */
    public Invalidation invlpg(Gva address) {
        if (!canonical(address.value())) {
            return Invalidation.nothing(vm);
        }
        invalidateAddress(address.value(), ROOTS_ALL);
        return Invalidation.address(vm, address.value());
    }

    private boolean canonical(long linear) {
        if ((guest.efer() & GuestWalk.EFER_LMA) == 0) {
            return true;
        }
        int unused = (guest.cr4() & GuestWalk.CR4_LA57) != 0 ? 64 - 57 : 64 - 48;
        return linear << unused >> unused == linear;
    }

    private void invalidateAddress(long address, int mask) {
        if (vm.config.tdp() || mmu.direct()) {
            return;
        }
        if (vm.policies.applies(MmuPolicy.MMIO_CLEAR_ON_INVLPG, this)) {
            mmio.clear(address);
        }
        roots.invalidateAddress(mmu, address, mask);
    }

    /** INVPCID whose operands are legal; {@code type} 0 to 3. */
    public Invalidation invpcid(int type, long pcid, Gva address) {
        switch (type) {
            case 0:
                int mask = pcid == pcidOf(guest.cr3()) ? ROOT_CURRENT : 0;
                invalidateAddress(address.value(), mask | roots.previousWithPcid(mmu, pcid));
                return Invalidation.address(vm, address.value());
            case 1:
                invalidatePcid(pcid);
                return Invalidation.nothing(vm);
            default:
                raise(Request.TLB_FLUSH_GUEST);
                return Invalidation.nothing(vm);
        }
    }

    /**
     * L2 starts, and {@link GuestContext#guestMode} says so: choose its MMU and root, after its CR3 and PDPTEs have been loaded.
     * What must be flushed is the nested transition's own rule.
     */
    public void nestedEntered() {
        initMmu();
        newPgd(mmu == guestMmu ? guest.nestedRoot() : guest.cr3());
    }

    /** L1 goes on after L2, with its own CR3 and PDPTEs loaded. */
    public void nestedExited() {
        initMmu();
        newPgd(guest.cr3());
    }

    /** L1 executed INVEPT: drop roots of EPT12, {@code eptp}'s or all. */
    public void invept(boolean all, long eptp) {
        int mask = all ? ROOTS_ALL : roots.matchingEptp(guestMmu, eptp);
        boolean cached = vm.policies.applies(MmuPolicy.ROOTS_FREE_ON_INVEPT, this);
        roots.free(guestMmu, cached ? mask : mask & ROOT_CURRENT);
    }

    /** L1 executed INVVPID (the caller flushes hardware's vpid02). */
    public void invvpid() {
        if (!vm.config.tdp()) {
            roots.freeGuestMode(rootMmu);
        }
    }

    /** A violation of EPT12 reaches L1: cached roots with the same tables forget the address, as hardware would. */
    void forgetViolation(Ngpa address) {
        int mask = roots.matchingEptp(guestMmu, guest.nestedRoot()) & ~ROOT_CURRENT;
        roots.invalidateAddress(guestMmu, address.value(), mask);
    }

    // ---- faults -----------------------------------------------------------------------------------------------------

    /**
     * A page fault, EPT violation, EPT misconfiguration or NPF that the guest caused (kvm_mmu_page_fault).
     *
     * @param address as hardware reported it
     * @param errorCode {@link PfError} bits
     */
    public FaultResult pageFault(FaultAddress address, long errorCode) {
        return faults.handle(address, errorCode);
    }

    /** Lets the guest write to a page again whose tables are shadowed; true if any shadow page went. */
    public boolean unprotect(Gpa address) {
        return vm.pages.zapTablesOf(address.gfn());
    }

    /** An emulated instruction has written guest memory; see {@link MmuVm#trackWrite}. */
    public void trackWrite(Gpa address, int bytes) {
        vm.slots().markDirty(space(), address.value() >>> 12);
        vm.trackWrite(address, bytes);
    }

    // ---- translation for the emulator -------------------------------------------------------------------------------

    /**
     * Translates a linear address of the guest that runs, for the emulator; accessed and dirty flags are set.
     *
     * @param access {@link nestbox.mmu.paging.Access} bits
     */
    public Translation gvaToGpa(Gva address, int access) {
        return translations.linear(address, access);
    }

    /** Where the MMIO cache says that a linear address leads, in L1's physical memory; -1 if it says nothing or forbids the access. */
    public long mmioMatch(Gva address, int access) {
        return translations.mmioMatch(address, access);
    }

    /** Translates an L2-physical address through EPT12 or NPT12. */
    public Translation ngpaToGpa(Ngpa address, int access) {
        return translations.nested(address, access);
    }

    /** Whether the MMIO cache says that no memory lies at {@code address}: the emulator's match. */
    public boolean isMmio(Gpa address) {
        return mmio.matchesGpa(address.value());
    }

    /** Reads the four PDPTEs at {@code cr3} (load_pdptrs); null if they lie outside memory or a present one has reserved bits set. */
    public long[] readPdptes(long cr3) {
        return translations.readPdptes(cr3, model);
    }

    /** L2 runs, behind a second stage of L1's. */
    boolean staged() {
        return mmu == guestMmu;
    }

    // ---- state ------------------------------------------------------------------------------------------------------

    /** What a guest could notice the loss of; roots are built anew, so that caches may be emptier afterwards. */
    @Override
    public void save(StateWriter out) {
        mmio.save(out);
        faults.save(out);
    }

    /** {@link GuestContext} and the slots must have been restored before. */
    @Override
    public void restore(StateReader in) {
        mmio.restore(in);
        faults.restore(in);
        roots.free(rootMmu, ROOTS_ALL);
        roots.free(guestMmu, ROOTS_ALL);
        initMmu();
    }

    // ---- what policies may look at ----------------------------------------------------------------------------------

    @Override
    public boolean tdp() {
        return vm.config.tdp();
    }

    @Override
    public boolean paging() {
        return (guest.cr0() & GuestWalk.CR0_PG) != 0;
    }

    @Override
    public boolean guestMode() {
        return guest.guestMode();
    }

    @Override
    public boolean smm() {
        return guest.smm();
    }

    @Override
    public boolean nested() {
        return mmu == guestMmu;
    }

    @Override
    public boolean direct() {
        return mmu.direct();
    }
}
