package nestbox.vmx.l0;

import java.util.Arrays;
import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.EntryFailure;
import nestbox.l0.EntryRefusal;
import nestbox.l0.EntryStep;
import nestbox.l0.EntryTransaction;
import nestbox.l0.NestedPolicies;
import nestbox.l0.NestedPolicy;
import nestbox.l0.NestedPolicy.NewVpid12;
import nestbox.l0.StateGroup;
import nestbox.mmu.core.Request;
import nestbox.mmu.core.YieldPoint;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.Failure;
import nestbox.vmx.vmcs.EntryFailureQualification;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InstructionError;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.system.ControlRegisters;

/** L1's VMLAUNCH and VMRESUME: checks, snapshot, merge, L2's state, in KVM's order (facts D.2). */
final class NestedEntry {
    private static final long RESERVED_EPTP = 0xf80;
    private static final long ACCESSED_DIRTY = 1 << 6;

    private final NestedVmx vmx;
    private final Cpu cpu;
    private final NestedChecks checks;
    private final Vmcs02 vmcs02;
    private final L2State state;
    private final NestedMsrLists lists;
    private final EntryTransaction transaction;
    /** The check that the last entry failed by, or null. */
    private CheckFailure refused;

    private boolean launching;
    /** The step of the MMU was taken. */
    private boolean mmuEntered;

    NestedEntry(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        checks = new NestedChecks(vmx);
        vmcs02 = new Vmcs02(vmx);
        state = new L2State(vmx);
        lists = new NestedMsrLists(cpu);
        transaction =
                new EntryTransaction(steps(), vmx.vcpu.hypervisor().config().injections());
    }

    EntryTransaction transaction() {
        return transaction;
    }

    /** The emulator has cleared the shadow that the instruction runs in from what is pending, but not its kind. */
    boolean movSsBlocking() {
        return cpu.shadow == Cpu.SHADOW_MOV_SS;
    }

    boolean validEptp(long eptp) {
        int type = (int) eptp & 7;
        boolean typeGood =
                type == 0 && vmx.has(VmxFeature.EPT_UNCACHEABLE) || type == 6 && vmx.has(VmxFeature.EPT_WRITE_BACK);
        boolean flags = (eptp & ACCESSED_DIRTY) == 0 || vmx.has(VmxFeature.EPT_ACCESSED_DIRTY);
        return typeGood
                && (eptp >>> 3 & 7) == 3
                && flags
                && (eptp & RESERVED_EPTP) == 0
                && eptp >>> cpu.features.physicalBits() == 0;
    }

    void run(boolean launch, NestedInstructions instructions) {
        vmx.shadowing.pull();
        launching = launch;
        refused = null;
        EntryRefusal refusal = transaction.run();
        if (refusal == null) {
            if (cpu.activity != Cpu.ACTIVE) {
                // What L2 waits for, L0 waits for: hardware does not enter it, and cannot refuse.
                transaction.commit();
            }
            L0VmxTrace.entered(vmx);
            return;
        }
        L0VmxTrace.entryFailed(cpu, refused, refusal);
        if (refusal.failure() == EntryFailure.VMFAIL) {
            if (refused != null && refused.failure().kind() == Failure.Kind.VMFAIL_INVALID) {
                instructions.failInvalid();
            } else {
                instructions.fail(error(refusal));
            }
        } else {
            conclude(refusal);
        }
    }

    private static int error(EntryRefusal refusal) {
        return refusal.number() == 0 ? InstructionError.ENTRY_CONTROLS.number() : (int) refusal.number();
    }

    private void conclude(EntryRefusal refusal) {
        if (refusal.failure().givesUp()) {
            throw vmx.vcpu.giveUp(
                    "KVM_EXIT_INTERNAL_ERROR: nested entry, step " + refusal.step() + ": " + refusal.why());
        }
        vmx.controls.load(vmx.vmcs12);
        boolean msr = refusal.failure() == EntryFailure.MSR_LOAD;
        vmx.exit.failedEntry(
                (msr ? ExitReason.MSR_LOAD_FAIL : ExitReason.INVALID_STATE).number(),
                msr && refusal.number() == 0 ? 1 : refusal.number());
    }

    private List<EntryStep> steps() {
        return List.of(
                EntryStep.of(
                        VmxEntryStep.CHECK_CONTROLS,
                        () -> refusal(VmxEntryStep.CHECK_CONTROLS, checks.controls(launching)),
                        failure -> {}),
                EntryStep.of(VmxEntryStep.REQUESTS, vmx.vcpu::serveLocalFlushes),
                EntryStep.of(
                        VmxEntryStep.SNAPSHOT,
                        () -> {
                            vmx.snapshot.take(cpu);
                            stash();
                            return null;
                        },
                        this::restoreL1),
                EntryStep.of(VmxEntryStep.VMCS02, vmx.backend::enterVmcs02, vmx.backend::leaveVmcs02),
                EntryStep.of(VmxEntryStep.MERGE, () -> {
                    vmx.vcpu.hypervisor().mmu().yieldAt(YieldPoint.VMCS12_CHECKED);
                    vmx.controls.load(vmx.vmcs12);
                    vmcs02.merge();
                }),
                EntryStep.of(VmxEntryStep.PAGES, this::mapPages, failure -> {}),
                EntryStep.of(VmxEntryStep.CHECK_GUEST, this::checkGuest, failure -> {}),
                EntryStep.of(VmxEntryStep.GUEST_MODE, () -> vmx.guest = true, () -> vmx.guest = false),
                EntryStep.of(VmxEntryStep.LOAD_STATE, this::loadState, failure -> {}),
                EntryStep.of(VmxEntryStep.MSR_LOAD, this::loadMsrs, this::restoreMsrs),
                EntryStep.of(VmxEntryStep.MMU, this::enterMmu, () -> vmx.stage().leave()),
                EntryStep.of(VmxEntryStep.EVENTS, this::begin, () -> {
                    vmx.vcpu.forgetEvents();
                    vmx.forgetL2();
                }),
                new EntryStep(VmxEntryStep.HARDWARE, () -> null, failure -> vmcs02.repair(), this::refuseBySilicon));
    }

    private EntryRefusal refusal(VmxEntryStep step, CheckFailure failed) {
        if (failed == null) {
            return null;
        }
        refused = failed;
        Failure failure = failed.failure();
        boolean guest = failure.kind() == Failure.Kind.ENTRY_FAILURE;
        return new EntryRefusal(
                step.id(),
                guest ? EntryFailure.GUEST_STATE : EntryFailure.VMFAIL,
                guest ? failure.qualification() : failure.number(),
                failed.row().id());
    }

    /** L0's own checks. If they fail, or hardware will not be entered, what is left to it comes first. */
    private EntryRefusal checkGuest() {
        CheckFailure failed = checks.guest();
        boolean injects = InterruptionType.valid(vmx.vmcs12.get(VmcsField.VM_ENTRY_INTR_INFO));
        boolean waits = vmx.vmcs12.get(VmcsField.GUEST_ACTIVITY_STATE) != Cpu.ACTIVE && !injects;
        return failed == null && !waits
                ? null
                : before(VmxEntryStep.CHECK_GUEST, refusal(VmxEntryStep.CHECK_GUEST, failed));
    }

    /** A refusal by the checks that are left to the silicon and come before a step; else {@code later}. */
    private EntryRefusal before(VmxEntryStep step, EntryRefusal later) {
        CheckFailure left = checks.left();
        return left != null ? refusal(step, left) : later;
    }

    private EntryRefusal mapPages() {
        if (vmx.apic.mapPages()) {
            return askEarly();
        }
        return new EntryRefusal(
                VmxEntryStep.PAGES.id(), EntryFailure.UNBACKED_PAGE, 0, "the APIC-access page of vmcs12 has no memory");
    }

    /** Without EPT and by that policy hardware is asked before anything of L2 is loaded. */
    private EntryRefusal askEarly() {
        if (vmx.backend.ept() || policies().vmfailCr3() != NestedPolicy.VmfailCr3.EARLY) {
            return null;
        }
        vmx.vcpu.hypervisor().counters().earlyEntries++;
        long error = vmx.backend.tryEntry();
        return error == 0
                ? null
                : new EntryRefusal(VmxEntryStep.HARDWARE.id(), EntryFailure.VMFAIL, error, "the silicon");
    }

    /** The controls and host state of vmcs12 without an instruction that enters; null if they are good. */
    CheckFailure checkControls() {
        return checks.entered();
    }

    /** Of a state from outside, which must be as an entry would demand it; null if it is. */
    CheckFailure checkRestored() {
        CheckFailure failed = checkControls();
        failed = failed == null ? checks.guest() : failed;
        return failed == null ? checks.left() : failed;
    }

    /**
     * L2 runs by a state from outside, with the registers of vmcs12.
     *
     * @param pending its entry, with the event that it injects, is still to come; it cannot be rolled back
     */
    void enterRestored(boolean pending) {
        long[] pdptes = cpu.pdpte.clone();
        vmx.guest = true;
        vmx.controls.load(vmx.vmcs12);
        resume();
        state.load();
        System.arraycopy(pdptes, 0, cpu.pdpte, 0, pdptes.length);
        vmx.vcpu.forgetEvents();
        if (pending) {
            inject();
            transaction.reopen();
        }
        vmx.lastVpid12 = vmx.controls.vpid;
        enterMmu();
        mmuEntered = false;
    }

    /** L2 is left for SMM: vmcs12 has its state as far as a state from outside needs it. */
    void suspend() {
        state.save();
        vmx.vmcs12.set(
                VmcsField.VM_ENTRY_INTR_INFO, vmx.vmcs12.get(VmcsField.VM_ENTRY_INTR_INFO) & ~InterruptionType.VALID);
        vmx.apic.save();
        vmx.flushShadow();
        vmx.guest = false;
        vmx.stage().leave();
        vmx.backend.leaveVmcs02();
        finishSwitch();
        vmx.vcpu.mmu().nestedExited();
        transitionFlush(false);
    }

    /** RSM goes back to L2, whose registers it has loaded. */
    void unsuspend() {
        vmx.guest = true;
        resume();
        state.loadPdptes();
        vmx.loadShadow();
        enterMmu();
        mmuEntered = false;
    }

    /** vmcs02 is made anew for the L2 that the guest's processor is. */
    void resume() {
        vmx.backend.enterVmcs02();
        vmx.controls.load(vmx.vmcs12);
        vmcs02.merge();
        vmx.apic.mapPages();
        vmcs02.mergeGuestOwned();
        vmx.stage().enter();
        transaction.resume();
    }

    void save(StateWriter out) {
        vmx.snapshot.save(out);
        lists.save(out);
        transaction.save(out);
        out.writeBoolean(mmuEntered);
    }

    void restore(StateReader in) {
        vmx.snapshot.restore(in);
        lists.restore(in);
        transaction.restore(in);
        mmuEntered = in.readBoolean();
    }

    private EntryRefusal loadState() {
        vmcs02.mergeGuestOwned();
        if (state.load()) {
            return null;
        }
        return new EntryRefusal(
                VmxEntryStep.LOAD_STATE.id(),
                EntryFailure.GUEST_STATE,
                EntryFailureQualification.PDPTE,
                "PDPTEs in memory");
    }

    private EntryRefusal loadMsrs() {
        int bad = lists.loadNoting(vmx.vmcs12);
        if (bad == 0) {
            return null;
        }
        EntryRefusal refusal = new EntryRefusal(VmxEntryStep.MSR_LOAD.id(), EntryFailure.MSR_LOAD, bad, "entry " + bad);
        return before(VmxEntryStep.MSR_LOAD, refusal);
    }

    private void restoreMsrs(EntryFailure failure) {
        if (failure == EntryFailure.VMFAIL) {
            lists.undo(vmx.vmcs12, policies().vmfailMsr());
        } else {
            lists.undo(vmx.vmcs12, NestedPolicy.VmfailMsr.SNAPSHOT);
        }
    }

    private void enterMmu() {
        mmuEntered = true;
        transitionFlush(true);
        vmx.stage().enter();
        vmx.vcpu.worldChanged();
        if (vmx.rare.inHardware()) {
            vmx.vcpu.leaveInHardware(StateGroup.SEGMENTS);
        }
        vmx.vcpu.mmu().nestedEntered();
        if (cpu.activity != Cpu.ACTIVE && !vmx.vcpu.follows(NestedPolicy.VMCS02_CR3)) {
            vmx.vcpu.forget(StateGroup.CONTROL);
        }
    }

    /** vmcs02 is spoilt, so that the silicon itself refuses it; it cannot miss a page or memory. */
    private EntryRefusal refuseBySilicon(EntryFailure failure) {
        if (failure.givesUp()) {
            return EntryStep.forced(VmxEntryStep.HARDWARE, failure);
        }
        vmcs02.spoil(failure);
        return null;
    }

    /** Another vmcs12 is current. */
    void vmcsChanged() {
        checks.forget();
    }

    /** The silicon is about to enter: what it is to check itself gets the values of vmcs12, legal or not. */
    void passThrough() {
        VmcsDoor door = vmx.backend.door();
        for (VmcsField field : NestedChecks.PASSED) {
            if (!vmx.rare.onlyInHardware(field)) {
                door.write(field, vmx.vmcs12.get(field));
            }
        }
    }

    /** nested_vmx_transition_tlb_flush (facts D.6). */
    void transitionFlush(boolean entering) {
        NewVpid12 policy = policies().newVpid12();
        if (!vmx.controls.secondary(VmxFeature.ENABLE_VPID)) {
            vmx.vcpu.judging().transition();
            vmx.vcpu.raise(Request.TLB_FLUSH_GUEST);
            if (policy == NewVpid12.FLUSH) {
                // Shadow pages are told apart by no VPID: what this L2 leaves there is not for the next one that has
                // one.
                vmx.lastVpid12 = 0;
            }
        } else if (entering && vmx.controls.vpid != vmx.lastVpid12 && policy != NewVpid12.IGNORE) {
            vmx.lastVpid12 = vmx.controls.vpid;
            vmx.vcpu.raise(Request.TLB_FLUSH_GUEST);
        } else if (!vmx.backend.ept() && vmx.backend.vmcs02().vpid == 0) {
            vmx.vcpu.raise(Request.TLB_FLUSH_CURRENT);
        }
    }

    private void begin() {
        inject();
        vmx.loadShadow();
        vmx.timer.start();
        vmx.signals.release();
    }

    private void inject() {
        long word = vmx.vmcs12.get(VmcsField.VM_ENTRY_INTR_INFO);
        vmx.vcpu.forgetEvents();
        if (!InterruptionType.valid(word)) {
            return;
        }
        if (InterruptionType.type(word) == InterruptionType.OTHER_EVENT) {
            vmx.trapFlag = true;
            return;
        }
        boolean error = (word & InterruptionType.ERROR_CODE) != 0;
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE);
        vmx.vcpu
                .eventAgain()
                .set(
                        InterruptionType.type(word),
                        InterruptionType.vector(word),
                        error,
                        vmx.vmcs12.get(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE),
                        (int) vmx.vmcs12.get(VmcsField.VM_ENTRY_INSTRUCTION_LEN));
    }

    /** Hardware refused vmcs02: what L0's checks let pass is unwound, and L1's instruction fails (facts D.7). */
    void refusedByHardware(EntryFailure failure, long number) {
        vmx.vcpu.take(StateGroup.ALL);
        vmx.vcpu.serveLocalFlushes();
        EntryRefusal refusal = new EntryRefusal(VmxEntryStep.HARDWARE.id(), failure, number, "the silicon");
        if (!transaction.canRollBack()) {
            throw vmx.vcpu.giveUp(
                    "KVM_EXIT_INTERNAL_ERROR: the silicon refused an entry that came from outside, pending");
        }
        transaction.rollBack(failure);
        if (cpu.activity == Cpu.SHUTDOWN) {
            return;
        }
        L0VmxTrace.entryFailed(cpu, null, refusal);
        if (failure == EntryFailure.VMFAIL) {
            Flags.setArithmetic(cpu, Flags.ZF);
            vmx.vmcs12.set(VmcsField.VM_INSTRUCTION_ERROR, error(refusal));
        } else {
            conclude(refusal);
        }
    }

    /** L1's registers and MMU come back; at VMfail, where no entry has happened, as policies want it. */
    private void restoreL1(EntryFailure failure) {
        long[] pdptesOfL2 = cpu.pdpte.clone();
        long cr3OfL2 = cpu.cr3;
        long pat = cpu.pat;
        long efer = cpu.efer;
        vmx.snapshot.restore(cpu);
        if (failure == EntryFailure.MSR_LOAD) {
            // L2's state was loaded, and host state says nothing of these bits.
            cpu.pat = pat;
            cpu.efer = efer;
        }
        boolean goesOn = failure != EntryFailure.VMFAIL || unwind(pdptesOfL2, cr3OfL2);
        if (failure.givesUp() && stashes()) {
            replaceRegisters();
            vmx.vcpu.registersReplaced();
        } else {
            finishSwitch();
        }
        if (!goesOn) {
            vmx.exit.abort(2);
            return;
        }
        vmx.vcpu.mmu().pdptesLoaded(!Arrays.equals(pdptesOfL2, cpu.pdpte));
        if (mmuEntered && !failure.toHost()) {
            if (failure == EntryFailure.VMFAIL && policies().applies(NestedPolicy.VMFAIL_UNLOAD)) {
                vmx.vcpu.mmu().unload();
            }
            vmx.vcpu.mmu().nestedExited();
            transitionFlush(false);
        }
        mmuEntered = false;
    }

    /** L1's CR3 goes where hardware's is, which without EPT is the root of a shadow table. */
    private void stash() {
        if (stashes()) {
            vmx.backend.door().write(VmcsField.GUEST_CR3, cpu.cr3);
        }
    }

    private boolean stashes() {
        return !vmx.backend.ept() && policies().vmfailCr3() == NestedPolicy.VmfailCr3.STASH;
    }

    private NestedPolicies policies() {
        return vmx.vcpu.hypervisor().config().nested();
    }

    /** What policies do to CR3 and the PDPTE registers; false if L1 is shut down by it. */
    private boolean unwind(long[] pdptesOfL2, long cr3OfL2) {
        NestedPolicies policies = policies();
        switch (policies.vmfailCr3()) {
            case NONE -> cpu.cr3 = cr3OfL2;
            case VMCS01, STASH -> cpu.cr3 = vmx.backend.door().read(VmcsField.GUEST_CR3);
            case SNAPSHOT, EARLY -> {}
        }
        if (vmx.backend.ept() || policies.vmfailPdptr() == NestedPolicy.VmfailPdptr.SNAPSHOT) {
            return true;
        }
        if (policies.vmfailPdptr() == NestedPolicy.VmfailPdptr.NONE) {
            System.arraycopy(pdptesOfL2, 0, cpu.pdpte, 0, pdptesOfL2.length);
            return true;
        }
        return !ControlRegisters.paePaging(cpu) || cpu.mem.port().control().loadPdptes(cpu.cr3);
    }

    /** The registers of the processor were replaced: its derived state follows. */
    void finishSwitch() {
        replaceRegisters();
        vmx.vcpu.worldChanged();
    }

    private void replaceRegisters() {
        cpu.updateMode();
        cpu.mem.port().contextChanged();
        cpu.updatePending();
    }
}
