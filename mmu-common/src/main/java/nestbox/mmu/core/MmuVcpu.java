package nestbox.mmu.core;

import nestbox.core.UnsupportedFeatureException;

/**
 * The MMU of one vCPU: its roots, its walks and its MMIO cache. The event methods are called after {@link GuestContext} shows
 * the new state; they raise requests (table B.5 of the facts) and flush nothing themselves.
 */
public final class MmuVcpu implements PolicyContext {
    /** For {@link #freeRoots}: the current root. */
    public static final int ROOT_CURRENT = 1;
    /** For {@link #freeRoots}: current and cached roots. */
    public static final int ROOTS_ALL = 15;

    private final MmuVm vm;
    private final GuestContext guest;
    private final Requests requests;

    /** @param model of the guest's CPU; see {@link #modelChanged} */
    public MmuVcpu(MmuVm vm, GuestContext guest, GuestModel model, Requests requests) {
        this.vm = vm;
        this.guest = guest;
        this.requests = requests;
        vm.vcpus.add(this);
    }

    private static UnsupportedFeatureException missing(String what) {
        return new UnsupportedFeatureException("mmu.core", what);
    }

    void raise(Request request) {
        requests.raise(request);
    }

    /** The cached root that is {@code i}-th most recent, for {@link #freeRoots}. */
    public static int rootPrevious(int i) {
        return 2 << i;
    }

    // ---- set-up and roots -------------------------------------------------------------------------------------------

    /** Chooses the MMU for the guest's present state (kvm_init_mmu); nothing happens if no role bit has changed. */
    public void initMmu() {
        throw missing("initMmu");
    }

    /** Drops all roots and chooses again (kvm_mmu_reset_context). */
    public void resetContext() {
        throw missing("resetContext");
    }

    /** The guest's CPU model has changed. */
    public void modelChanged(GuestModel model) {
        throw missing("modelChanged");
    }

    /**
     * Makes the current root valid, as the last act before entering the guest (kvm_mmu_reload).
     *
     * @throws nestbox.core.NestboxException if an {@link Invalidation} is still open
     */
    public RootToLoad reload() {
        throw missing("reload");
    }

    /** The root that hardware should have, for {@link Request#LOAD_MMU_PGD}; null if it is invalid ({@link #reload} then). */
    public RootToLoad currentRoot() {
        throw missing("currentRoot");
    }

    /** Drops all roots of L1 and L2 (kvm_mmu_unload). */
    public void unload() {
        throw missing("unload");
    }

    /** Drops roots of the MMU in use: {@link #ROOT_CURRENT} and {@link #rootPrevious}, added. */
    public void freeRoots(int mask) {
        throw missing("freeRoots");
    }

    /** {@link Request#MMU_FREE_OBSOLETE_ROOTS}. */
    public void freeObsoleteRoots() {
        throw missing("freeObsoleteRoots");
    }

    /** {@link Request#MMU_SYNC}. */
    public void syncRoots() {
        throw missing("syncRoots");
    }

    /** Drops cached roots that are out of sync. */
    public void syncPrevRoots() {
        throw missing("syncPrevRoots");
    }

    /** The core's part of {@link Request#TLB_FLUSH_GUEST}. */
    public void flushGuest() {
        throw missing("flushGuest");
    }

    /** The guest's CR3 (or, with nested TDP, EPTP12 or nCR3) has changed (kvm_mmu_new_pgd). */
    public void newPgd(long pgd) {
        throw missing("newPgd");
    }

    /** The reference MMU: an instruction has completed; drops every translation. Nothing with another MMU. */
    public void instructionBoundary() {
        throw missing("instructionBoundary");
    }

    // ---- events of the guest ----------------------------------------------------------------------------------------

    /** MOV CR0, LMSW, CLTS; PDPTEs, where needed, have been loaded. */
    public void cr0Written(long old, long now) {
        throw missing("cr0Written");
    }

    /**
     * MOV CR3; legal, and PDPTEs, where needed, have been loaded.
     *
     * @param noFlush CR4.PCIDE is set and bit 63 of the operand was
     */
    public void cr3Written(long old, long now, boolean noFlush) {
        throw missing("cr3Written");
    }

    public void cr4Written(long old, long now) {
        throw missing("cr4Written");
    }

    public void eferWritten(long old, long now) {
        throw missing("eferWritten");
    }

    /** INVLPG. */
    public Invalidation invlpg(Gva address) {
        throw missing("invlpg");
    }

    /** INVPCID whose operands are legal; {@code type} 0 to 3. */
    public Invalidation invpcid(int type, long pcid, Gva address) {
        throw missing("invpcid");
    }

    /** L2 starts, and {@link GuestContext#guestMode} says so: choose its MMU and root (after its CR3 has been loaded). */
    public void nestedEntered() {
        throw missing("nestedEntered");
    }

    /** L1 goes on after L2, with its own CR3 loaded. */
    public void nestedExited() {
        throw missing("nestedExited");
    }

    /** L1 executed INVEPT: drop roots of EPT12, {@code eptp}'s or all. */
    public void invept(boolean all, long eptp) {
        throw missing("invept");
    }

    /** L1 executed INVVPID (the caller flushes hardware's vpid02). */
    public void invvpid() {
        throw missing("invvpid");
    }

    // ---- faults -----------------------------------------------------------------------------------------------------

    /**
     * A page fault, EPT violation, EPT misconfiguration or NPF that the guest caused (kvm_mmu_page_fault).
     *
     * @param address as hardware reported it
     * @param errorCode {@link PfError} bits
     */
    public FaultResult pageFault(FaultAddress address, long errorCode) {
        throw missing("pageFault");
    }

    /** Lets the guest write to a page again whose tables are shadowed; true if any shadow page went. */
    public boolean unprotect(Gpa address) {
        throw missing("unprotect");
    }

    /** An emulated instruction has written guest memory; see {@link MmuVm#trackWrite}. */
    public void trackWrite(Gpa address, int bytes) {
        vm.trackWrite(address, bytes);
    }

    // ---- translation for the emulator -------------------------------------------------------------------------------

    /**
     * Translates a linear address of the guest that runs, for the emulator.
     *
     * @param access {@link nestbox.mmu.paging.Access} bits
     */
    public Translation gvaToGpa(Gva address, int access) {
        throw missing("gvaToGpa");
    }

    /** Translates an L2-physical address through EPT12 or NPT12. */
    public Translation ngpaToGpa(Ngpa address, int access) {
        throw missing("ngpaToGpa");
    }

    /** Whether the MMIO cache says that no memory lies at {@code address}: the emulator's match. */
    public boolean isMmio(Gpa address) {
        throw missing("isMmio");
    }

    /**
     * Reads the four PDPTEs at {@code cr3} (load_pdptrs), through the guest's second stage if it has one.
     *
     * @return null if a present one has reserved bits set, or they lie outside memory
     */
    public long[] readPdptes(long cr3) {
        throw missing("readPdptes");
    }

    @Override
    public boolean tdp() {
        return vm.config.tdp();
    }

    @Override
    public boolean paging() {
        return (guest.cr0() & 1L << 31) != 0;
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
        throw missing("nested");
    }

    @Override
    public boolean direct() {
        throw missing("direct");
    }
}
