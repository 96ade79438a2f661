package nestbox.svm.l0;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.l0.EntryFailure;
import nestbox.l0.EntryRefusal;
import nestbox.l0.EntryStep;
import nestbox.l0.EntryTransaction;
import nestbox.l0.NestedPolicy;
import nestbox.l0.ledger.Invalidation.Kind;
import nestbox.mmu.core.Request;
import nestbox.mmu.core.YieldPoint;
import nestbox.svm.check.VmrunCheck;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.GuestState;
import nestbox.svm.world.LastBranches;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.model.Feature;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.EventInDelivery;

/** L1's VMRUN behind its own faults, in KVM's order (facts E.1, E.2; APM Vol. 2, "VMRUN Instruction"). */
final class NestedVmrun {
    /** Ids of the checks that L0 makes: all. */
    static final Set<String> CHECKS =
            VmrunChecks.rows().stream().map(VmrunCheck::id).collect(Collectors.toUnmodifiableSet());

    private final NestedSvm svm;
    private final Cpu cpu;
    private final Vmcb02 vmcb02;
    private final EntryTransaction transaction;
    /** What L0 checks: everything, without what policies leave out. */
    private final List<VmrunCheck> checks;

    private final L1Snapshot snapshot = new L1Snapshot();
    /** RAX of the VMRUN. */
    private long address;

    private boolean mmuEntered;
    /** The check that the last entry failed by, or null. */
    private VmrunCheck refused;

    NestedVmrun(NestedSvm svm) {
        this.svm = svm;
        cpu = svm.cpu;
        vmcb02 = new Vmcb02(svm);
        Set<String> omitted = svm.vcpu.hypervisor().config().nested().omittedChecks(CHECKS);
        checks = VmrunChecks.rows().stream()
                .filter(row -> !omitted.contains(row.id()))
                .toList();
        transaction =
                new EntryTransaction(steps(), svm.vcpu.hypervisor().config().injections());
    }

    EntryTransaction transaction() {
        return transaction;
    }

    /** RIP is behind VMRUN already. */
    void run(long vmcb) {
        if ((cpu.cr0 & Cpu.CR0_PG) == 0 || cpu.smm) {
            throw cpu.raise(Vector.UD);
        }
        if (cpu.msrs.stored(SvmMsrs.VM_HSAVE_PA) == 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        if (svm.guestMode()) {
            throw new UnsupportedFeatureException("nested SVM", "VMRUN of L2 that L1 does not intercept");
        }
        address = vmcb;
        long rip = cpu.rip;
        refused = null;
        EntryRefusal refusal = transaction.run();
        if (refusal == null) {
            L0SvmTrace.entered(cpu, rip, address, svm.vmcb12);
        } else {
            conclude(refusal);
        }
    }

    private List<EntryStep> steps() {
        return List.of(
                EntryStep.of(SvmEntryStep.COPY, this::copy, failure -> {}),
                EntryStep.of(SvmEntryStep.CHECK, this::check, failure -> {}),
                EntryStep.of(SvmEntryStep.REQUESTS, svm.vcpu::serveLocalFlushes),
                EntryStep.of(
                        SvmEntryStep.SNAPSHOT,
                        () -> {
                            snapshot.take(cpu, svm.host);
                            svm.hostTrap = (cpu.systemFlags & Flags.TF) != 0;
                            svm.stage.prepare();
                            return null;
                        },
                        this::restoreL1),
                EntryStep.of(SvmEntryStep.GUEST_MODE, this::enterGuestMode, this::leaveGuestMode),
                EntryStep.of(SvmEntryStep.MERGE, this::merge),
                EntryStep.of(SvmEntryStep.LOAD_STATE, this::loadState),
                EntryStep.of(SvmEntryStep.PDPTES, this::loadPdptes, failure -> {}),
                EntryStep.of(SvmEntryStep.MMU, this::enterMmu),
                EntryStep.of(SvmEntryStep.EVENTS, this::inject, svm.vcpu::forgetEvents),
                new EntryStep(SvmEntryStep.HARDWARE, () -> null, failure -> {}, this::refuseBySilicon));
    }

    /**
     * L2 runs by a state from outside.
     *
     * @param pending its entry, with the event that it injects, is still to come; it cannot be rolled back
     */
    void enterRestored(boolean pending) {
        svm.guest = true;
        resume();
        if (pending) {
            inject();
            transaction.reopen();
        }
        enterMmu();
        mmuEntered = false;
    }

    /** L2 is left for SMM. */
    void suspend() {
        svm.guest = false;
        svm.backend.leaveVmcb02();
        cpu.switchWorlds();
        svm.stage.leave();
        cpu.mem.port().contextChanged();
        svm.vcpu.worldChanged();
        svm.vcpu.mmu().nestedExited();
        transitionFlush();
    }

    /** RSM goes back to L2, whose registers it has loaded. */
    void unsuspend(long virtualInterrupt) {
        svm.guest = true;
        cpu.switchWorlds();
        cpu.updateMode();
        resume();
        svm.backend.setVirtualInterrupt(virtualInterrupt);
        enterMmu();
        mmuEntered = false;
    }

    /** vmcb02 is made anew for the L2 that the guest's processor is. */
    void resume() {
        svm.backend.enterVmcb02();
        vmcb02.merge();
        svm.stage.prepareFor(svm.host);
        svm.stage.enter();
        transaction.resume();
    }

    void save(StateWriter out) {
        snapshot.save(out);
        transaction.save(out);
        out.writeLong(address).writeBoolean(mmuEntered);
    }

    void restore(StateReader in) {
        snapshot.restore(in);
        transaction.restore(in);
        address = in.readLong();
        mmuEntered = in.readBoolean();
    }

    private EntryRefusal copy() {
        if (svm.vcpu.hypervisor().mmu().slots().toHpa(0, address) < 0) {
            return new EntryRefusal(
                    SvmEntryStep.COPY.id(), EntryFailure.UNBACKED_PAGE, 0, "vmcb12 " + Long.toHexString(address));
        }
        svm.vmcb12.load(address);
        return null;
    }

    private EntryRefusal check() {
        refused = VmrunChecks.first(svm.vmcb12, checks);
        return refused == null
                ? null
                : new EntryRefusal(SvmEntryStep.CHECK.id(), EntryFailure.GUEST_STATE, 0, refused.id());
    }

    private void merge() {
        svm.vcpu.hypervisor().mmu().yieldAt(YieldPoint.VMCB12_CHECKED);
        if (!svm.vcpu.follows(NestedPolicy.SVM_VMCB12_READS)) {
            svm.vmcb12.load(address);
        }
        vmcb02.merge();
    }

    private void enterGuestMode() {
        svm.guest = true;
        svm.backend.enterVmcb02();
    }

    private void leaveGuestMode() {
        svm.guest = false;
        svm.backend.leaveVmcb02();
    }

    private void loadState() {
        Vmcb from = svm.vmcb12.copy();
        GuestState.load(cpu, from);
        if (svm.vmcb12.npt()) {
            cpu.pat = from.get(VmcbField.G_PAT);
        }
        if (svm.vmcb12.lastBranches()) {
            LastBranches.enter(cpu, svm.host, from);
        }
        cpu.pendingDebug = 0;
        cpu.shadow = Cpu.SHADOW_NONE;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
        cpu.noStepTrap = true;
        cpu.switchWorlds();
        cpu.updateMode();
        svm.stage.enter();
        cpu.mem.port().contextChanged();
    }

    private EntryRefusal loadPdptes() {
        boolean walksTables = !svm.vmcb12.npt() && ControlRegisters.paePaging(cpu);
        if (walksTables && !cpu.mem.port().control().loadPdptes(cpu.cr3)) {
            return new EntryRefusal(SvmEntryStep.PDPTES.id(), EntryFailure.GUEST_STATE, 0, "PDPTEs in memory");
        }
        return null;
    }

    private void enterMmu() {
        mmuEntered = true;
        tellOfTlbControl();
        transitionFlush();
        svm.vcpu.worldChanged();
        svm.vcpu.mmu().nestedEntered();
    }

    /** APM Vol. 2, "TLB Control": what L1 asks to be flushed. */
    private void tellOfTlbControl() {
        long asid = svm.vmcb12.get(VmcbField.GUEST_ASID);
        switch ((int) svm.vmcb12.get(VmcbField.TLB_CONTROL)) {
            case 1 -> svm.vcpu.judging().ofGuests(Kind.TLB_CONTROL_ALL, asid, 0);
            case 3 -> svm.vcpu.judging().ofGuests(Kind.TLB_CONTROL_ASID, asid, 0);
            case 7 -> svm.vcpu.judging().ofGuests(Kind.TLB_CONTROL_NON_GLOBAL, asid, 0);
            default -> {}
        }
    }

    /** Unconditional, both ways: TLB_CONTROL and a new ASID of vmcb12 ask for nothing more. */
    void transitionFlush() {
        svm.vcpu.raise(Request.MMU_SYNC);
        svm.vcpu.raise(Request.TLB_FLUSH_CURRENT);
    }

    private void inject() {
        svm.setGif(true);
        svm.vcpu.forgetEvents();
        Vmcb from = svm.vmcb12.copy();
        long event = from.get(VmcbField.EVENTINJ);
        if (!EventInfo.valid(event)) {
            if ((from.get(VmcbField.INTERRUPT_SHADOW) & 1) != 0) {
                cpu.shadow = Cpu.SHADOW_STI;
                cpu.pend(Cpu.PENDING_SHADOW);
            }
            return;
        }
        int type = EventInfo.type(event);
        int vector = type == EventInfo.NMI ? Vector.NMI : EventInfo.vector(event);
        boolean error = EventInfo.hasErrorCode(event) && type == EventInfo.EXCEPTION;
        int length = 0;
        boolean trap = type == EventInfo.EXCEPTION && (vector == Vector.BP || vector == Vector.OF);
        if (cpu.features.has(Feature.NRIP_SAVE) && (trap || type == EventInfo.SOFTWARE_INTERRUPT)) {
            // The handler returns to vmcb12's NRIP.
            type = trap ? EventInDelivery.SOFTWARE_EXCEPTION : type;
            length = (int) (from.get(VmcbField.NRIP) - from.get(VmcbField.RIP));
        }
        svm.vcpu.eventAgain().set(type, vector, error, EventInfo.errorCode(event), length);
    }

    /** ASID 0 in vmcb02 is what the silicon refuses; it cannot miss a page or memory. */
    private EntryRefusal refuseBySilicon(EntryFailure failure) {
        if (failure.givesUp()) {
            return EntryStep.forced(SvmEntryStep.HARDWARE, failure);
        }
        svm.backend.vmcb02().set(VmcbField.GUEST_ASID, 0);
        return null;
    }

    /** Hardware refused vmcb02: what L0's checks let pass is unwound, and L1 sees #VMEXIT(INVALID). */
    void refusedByHardware() {
        // L2's registers are as they were; to fetch them could walk, and so mark, NPT12.
        svm.vcpu.registersReplaced();
        svm.vcpu.serveLocalFlushes();
        if (!transaction.canRollBack()) {
            throw svm.vcpu.giveUp(
                    "KVM_EXIT_INTERNAL_ERROR: the silicon refused an entry that came from outside, pending");
        }
        transaction.rollBack(EntryFailure.VMFAIL);
        conclude(new EntryRefusal(SvmEntryStep.HARDWARE.id(), EntryFailure.VMFAIL, 0, "the silicon"));
    }

    private void conclude(EntryRefusal refusal) {
        L0SvmTrace.entryFailed(cpu, refused, refusal);
        if (refusal.failure().givesUp()) {
            throw svm.vcpu.giveUp(
                    "KVM_EXIT_INTERNAL_ERROR: nested entry, step " + refusal.step() + ": " + refusal.why());
        }
        svm.exit.invalid();
    }

    /** L1's registers and MMU come back: a VMRUN that fails has loaded nothing. */
    private void restoreL1(EntryFailure failure) {
        boolean pdptesChanged = snapshot.restore(cpu, svm.host);
        cpu.updateMode();
        svm.stage.leave();
        cpu.mem.port().contextChanged();
        cpu.updatePending();
        svm.vcpu.worldChanged();
        svm.hostTrap = false;
        svm.vcpu.mmu().pdptesLoaded(pdptesChanged);
        if (mmuEntered) {
            svm.vcpu.mmu().nestedExited();
            transitionFlush();
        }
        mmuEntered = false;
    }
}
