package nestbox.mmu.core;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.core.Fault.Outcome;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.Walker;

/** The flow of a page fault (kvm_mmu_page_fault), for direct and shadow MMUs. */
final class Faults {
    private static final FaultResult EMULATE_MMIO = new FaultResult.Emulate(FaultResult.Reason.MMIO, false);
    private static final FaultResult EMULATE_UNMAPPABLE = new FaultResult.Emulate(FaultResult.Reason.UNMAPPABLE, false);
    private static final FaultResult EMULATE_WRITE = new FaultResult.Emulate(FaultResult.Reason.WRITE_PROTECTED, false);
    private static final FaultResult EMULATE_WRITE_OR_RETRY =
            new FaultResult.Emulate(FaultResult.Reason.WRITE_PROTECTED, true);
    private static final long NESTED_TABLE_WRITE = PfError.PRESENT | PfError.WRITE | PfError.GUEST_PAGE;
    private static final long PAGE = 4096;

    private final MmuVcpu vcpu;
    private final MmuVm vm;
    private final GuestContext guest;
    private final ShadowPages pages;
    private final SpteFormat format;
    private final Mapper mapper;
    private final Fault fault = new Fault();
    /** The last fault was spurious, at this instruction and address. */
    private long spuriousRip = -1;

    private long spuriousAddress;
    private long lastUnprotectedRip = -1;
    private long lastUnprotectedAddress;

    Faults(MmuVcpu vcpu, MmuVm vm, GuestContext guest, Mapper mapper) {
        this.vcpu = vcpu;
        this.vm = vm;
        this.guest = guest;
        this.mapper = mapper;
        pages = vm.pages;
        format = pages.format;
    }

    void save(StateWriter out) {
        out.section("faults").writeLong(spuriousRip).writeLong(spuriousAddress);
        out.writeLong(lastUnprotectedRip).writeLong(lastUnprotectedAddress);
    }

    void restore(StateReader in) {
        in.section("faults");
        spuriousRip = in.readLong();
        spuriousAddress = in.readLong();
        lastUnprotectedRip = in.readLong();
        lastUnprotectedAddress = in.readLong();
    }

    FaultResult handle(FaultAddress address, long code) {
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.PAGE_FAULT, address.value(), code);
        }
        vm.counters.pfTaken++;
        Mmu mmu = vcpu.mmu();
        if (address.value() != spuriousAddress) {
            spuriousRip = -1;
        }
        if (!mmu.roots.current.valid()) {
            vm.counters.pfRetry++;
            return FaultResult.Resume.RETRY;
        }
        long errorCode = code;
        if (vm.config.softwareProtected()
                && (code & PfError.RSVD) == 0
                && vm.slots().isPrivate(address.value() >>> 12)) {
            errorCode |= PfError.PRIVATE_ACCESS;
        }
        fault.set(address, errorCode);
        Outcome outcome = Outcome.INVALID;
        if (fault.reserved) {
            outcome = fault.isPrivate
                    ? fault.other(new FaultResult.MemoryFault(new Gpa(address.value()), PAGE, true))
                    : mmioFault(mmu);
        }
        if (outcome == Outcome.INVALID) {
            outcome = mmu.direct() ? direct(mmu) : shadow(mmu);
        }
        return finish(mmu, outcome);
    }

    private FaultResult finish(Mmu mmu, Outcome outcome) {
        switch (outcome) {
            case RETRY:
                vm.counters.pfRetry++;
                return FaultResult.Resume.RETRY;
            case FIXED:
                vm.counters.pfFixed++;
                return FaultResult.Resume.FIXED;
            case SPURIOUS:
                vm.counters.pfSpurious++;
                return FaultResult.Resume.SPURIOUS;
            case EMULATE:
                vm.counters.pfEmulate++;
                return fault.mmio ? EMULATE_MMIO : EMULATE_UNMAPPABLE;
            case WRITE_PROTECTED:
                return writeProtected(mmu);
            case OTHER:
                return fault.result;
            default:
                return new FaultResult.InternalError("the page fault at " + fault.address + " led nowhere");
        }
    }

    // ---- MMIO -------------------------------------------------------------------------------------------------------

    /** handle_mmio_page_fault. */
    private Outcome mmioFault(Mmu mmu) {
        if (vcpu.mmio().knows(fault.address)) {
            vcpu.mmio().hit(fault.address.value());
            fault.mmio = true;
            return Outcome.EMULATE;
        }
        long spte = mapper.leafOf(mmu, fault.address.value());
        if (format.present(spte) && format.illegal(spte)) {
            return fault.other(
                    new FaultResult.InternalError("reserved bits are set in SPTE " + Long.toHexString(spte)));
        }
        if (!format.mmio(spte)) {
            return Outcome.RETRY;
        }
        long generation = vm.slots().generation(vcpu.space());
        boolean valid = format.mmioCurrent(spte, generation);
        if (vm.trace.on) {
            vm.trace.emit(
                    MmuTrace.CHECK_MMIO_SPTE,
                    spte,
                    format.mmioGeneration(generation),
                    format.generationOf(spte),
                    valid ? 1 : 0);
        }
        if (!valid) {
            return Outcome.INVALID;
        }
        long gfn = format.mmioGfn(spte);
        int access = format.mmioAccess(spte);
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.HANDLE_MMIO_PAGE_FAULT, fault.address.value(), gfn, access);
        }
        vm.counters.mmioSpteHits++;
        vcpu.mmio().fill(vm.policies.gvaRule().toStore(vcpu, fault.address, vm.config.tdp(), true), gfn, access);
        fault.mmio = true;
        return Outcome.EMULATE;
    }

    /** kvm_handle_noslot_fault. */
    private Outcome noSlot(int access) {
        if (fault.isPrivate) {
            return memoryFault();
        }
        long page = vm.policies.gvaRule().toStore(vcpu, fault.address, vm.config.tdp(), false);
        vcpu.mmio().fill(page, fault.gfn, access & format.mmioAccessMask());
        fault.slot = null;
        fault.mmio = true;
        boolean mapped = format.mmioCaching() && fault.gfn >>> vm.config.physBits() - 12 == 0;
        return mapped ? Outcome.CONTINUE : Outcome.EMULATE;
    }

    private Outcome memoryFault() {
        return fault.other(new FaultResult.MemoryFault(new Gpa(fault.gfn << 12), PAGE, fault.isPrivate));
    }

    // ---- what lies behind the frame ---------------------------------------------------------------------------------

    /** kvm_mmu_faultin_pfn. */
    private Outcome faultIn(int access) {
        fault.changes = vm.changes();
        fault.slot = vm.slots().find(vcpu.space(), fault.gfn);
        MemorySlot slot = fault.slot;
        if (vm.config.softwareProtected() && fault.isPrivate != vm.slots().isPrivate(fault.gfn)) {
            return memoryFault();
        }
        if (slot == null) {
            return noSlot(access);
        }
        if (slot.invalid) {
            return Outcome.RETRY;
        }
        if (fault.isPrivate) {
            return memoryFault();
        }
        if (slot.slot().apicAccess() && guest.guestMode()) {
            return noSlot(access);
        }
        if (fault.write && slot.slot().readOnly()) {
            return Outcome.EMULATE;
        }
        fault.hpa = slot.hpa(fault.gfn);
        return Outcome.CONTINUE;
    }

    /** is_page_fault_stale. */
    private boolean stale(Mmu mmu) {
        ShadowPage root = mmu.roots.current.page;
        if (root != null && pages.obsolete(root)) {
            return true;
        }
        if (root == null && vcpu.isRaised(Request.MMU_FREE_OBSOLETE_ROOTS)) {
            return true;
        }
        return !mmu.roots.current.valid()
                || fault.changes != vm.changes() && vm.policies.applies(MmuPolicy.FAULT_RETRY, vcpu);
    }

    private boolean writesTrackedFrame() {
        return fault.present
                && fault.write
                && !fault.reserved
                && pages.tracking().isTracked(fault.gfn);
    }

    // ---- direct -----------------------------------------------------------------------------------------------------

    private Outcome direct(Mmu mmu) {
        fault.gfn = fault.address.value() >>> 12;
        if (writesTrackedFrame()) {
            return Outcome.WRITE_PROTECTED;
        }
        if (!fault.reserved && fault.present && fault.write && mapper.makeWritable(mmu, fault)) {
            vm.counters.pfFast++;
            return Outcome.FIXED;
        }
        Outcome outcome = faultIn(Role.ALL_ACCESS);
        if (outcome != Outcome.CONTINUE) {
            return outcome;
        }
        vm.yieldAt(YieldPoint.FAULT_BEFORE_LOCK);
        if (stale(mmu)) {
            return Outcome.RETRY;
        }
        return mapper.direct(mmu, fault);
    }

    // ---- shadow -----------------------------------------------------------------------------------------------------

    private int accessOf(GuestWalk walk) {
        int access = fault.write ? Access.WRITE : fault.fetch ? Access.EXECUTE : 0;
        if (walk.isEpt()) {
            return access | (fault.user || access == 0 ? Access.READ : 0);
        }
        access = access == 0 ? Access.READ : access;
        if (fault.address instanceof Ngpa) {
            return access;
        }
        boolean smap = (guest.cr4() & GuestWalk.CR4_SMAP) != 0;
        boolean implicit =
                (fault.errorCode & PfError.IMPLICIT_ACCESS) != 0 || (smap && !fault.user && guest.cpl() == 3);
        return access | (fault.user ? Access.USER : 0) | (implicit ? Access.IMPLICIT : 0);
    }

    private Outcome shadow(Mmu mmu) {
        GuestWalk walk = mmu.walk;
        long address = fault.address.value();
        int access = accessOf(walk);
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.PAGETABLE_WALK, address, fault.errorCode);
        }
        if (!walk.walk(address, access)) {
            return guestFault(walk, access);
        }
        vm.yieldAt(YieldPoint.FAULT_WALKED);
        fault.gfn = walk.walker.physical >>> 12;
        fault.maxLevel = walk.walker.level;
        if (writesTrackedFrame()) {
            return Outcome.WRITE_PROTECTED;
        }
        int rights = walk.shadowRights();
        Outcome outcome = faultIn(rights);
        if (outcome != Outcome.CONTINUE) {
            return outcome;
        }
        if (fault.write && (rights & Access.WRITE) == 0 && fault.slot != null) {
            rights = supervisorOnly(mmu, rights);
        }
        vm.yieldAt(YieldPoint.FAULT_BEFORE_LOCK);
        if (stale(mmu)) {
            return Outcome.RETRY;
        }
        outcome = mapper.shadow(mmu, fault, rights);
        return outcome == Outcome.SPURIOUS && implicit(walk, address, access)
                ? guestFault(walk, access | Access.IMPLICIT)
                : outcome;
    }

    /**
     * Whether a fault without reason is that of an implicit access: EFLAGS.AC does not lift SMAP for those, and no error code
     * tells them from others. A stale translation cannot be the reason when the same access faults again.
     */
    private boolean implicit(GuestWalk walk, long address, int access) {
        if ((guest.cr4() & GuestWalk.CR4_SMAP) == 0) {
            return false;
        }
        boolean again = spuriousRip == guest.rip() && spuriousAddress == address;
        spuriousRip = guest.rip();
        spuriousAddress = address;
        return again
                && guest.ac()
                && fault.present
                && (access & (Access.USER | Access.EXECUTE | Access.IMPLICIT)) == 0
                && !(fault.address instanceof Ngpa)
                && !walk.walk(address, access | Access.IMPLICIT);
    }

    /**
     * The guest's supervisor writes with CR0.WP=0 to a page that is read-only: hardware, with CR0.WP=1, needs a writable entry,
     * which the user must then not have; and what the user's SMEP would have forbidden stays forbidden.
     */
    private static int supervisorOnly(Mmu mmu, int rights) {
        int changed = (rights | Access.WRITE) & ~Access.USER;
        return Roles.smep(mmu.cpuRole) && (rights & Access.USER) != 0 ? changed & ~Access.EXECUTE : changed;
    }

    private Outcome guestFault(GuestWalk walk, int access) {
        if (fault.address instanceof Ngpa ngpa) {
            vm.counters.pfReflected++;
            boolean ofTable = (fault.errorCode & PfError.GUEST_PAGE) != 0;
            NestedFault reflected = walk.fault(ngpa.value(), access, ofTable, true);
            if (reflected.kind() == NestedFault.Kind.EPT_VIOLATION) {
                vcpu.forgetViolation(ngpa);
            }
            return fault.other(new FaultResult.Reflect(reflected));
        }
        vm.counters.pfGuest++;
        int code = walk.errorCode(access);
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.WALKER_ERROR, code);
        }
        if (walk.walker.outcome == Walker.STAGE_FAILED) {
            return fault.other(new FaultResult.Reflect(walk.refused));
        }
        return fault.other(new FaultResult.GuestPageFault(new Gva(fault.address.value()), code));
    }

    // ---- writes to shadowed tables ----------------------------------------------------------------------------------

    /** kvm_mmu_write_protect_fault. */
    private FaultResult writeProtected(Mmu mmu) {
        vm.counters.pfEmulate++;
        long address = fault.address.value();
        if (lastUnprotectedRip == guest.rip() && lastUnprotectedAddress == address) {
            return EMULATE_WRITE;
        }
        lastUnprotectedRip = -1;
        if (vcpu.mmio().knows(fault.address)) {
            return EMULATE_WRITE;
        }
        boolean helps =
                mmu.direct() ? (fault.errorCode & NESTED_TABLE_WRITE) == NESTED_TABLE_WRITE : guest.eventReinjected();
        if (helps && pages.zapTablesOf(fault.gfn)) {
            lastUnprotectedRip = guest.rip();
            lastUnprotectedAddress = address;
            vm.counters.pfEmulate--;
            vm.counters.pfRetry++;
            return FaultResult.Resume.RETRY;
        }
        return guest.guestMode() ? EMULATE_WRITE : EMULATE_WRITE_OR_RETRY;
    }
}
