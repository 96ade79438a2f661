package nestbox.vmx.l0;

import nestbox.l0.NestedPolicies;
import nestbox.l0.NestedPolicy;
import nestbox.l0.StateGroup;
import nestbox.mmu.core.Request;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.CheckGroup;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.check.Failure;
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
    private final NestedContext context;
    private final Vmcs02 vmcs02;
    private final L2State state;
    private final NestedMsrLists lists;

    NestedEntry(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        context = new NestedContext(vmx);
        vmcs02 = new Vmcs02(vmx);
        state = new L2State(vmx);
        lists = new NestedMsrLists(cpu);
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
        context.launching = launch;
        CheckFailure failed = check();
        if (failed != null) {
            Failure failure = failed.failure();
            L0VmxTrace.entryFailed(cpu, failed);
            switch (failure.kind()) {
                case VMFAIL_INVALID -> instructions.failInvalid();
                case VMFAIL_VALID -> instructions.fail(failure.number());
                default -> {
                    vmx.vcpu.serveLocalFlushes();
                    vmx.controls.load(vmx.vmcs12);
                    vmx.exit.failedEntry(failure.number(), failure.qualification());
                }
            }
            return;
        }
        enter();
    }

    /** All checks but those that KVM leaves to hardware, because L1 can change the virtual-APIC page at any time. */
    private CheckFailure check() {
        for (CheckGroup group : CheckGroup.values()) {
            if (group == CheckGroup.VIRTUAL_APIC || group == CheckGroup.MSR_LOADING) {
                continue;
            }
            CheckFailure failure = EntryChecks.group(context, group);
            if (failure != null) {
                return failure;
            }
        }
        return null;
    }

    private void enter() {
        vmx.vcpu.serveLocalFlushes();
        // The instruction that failed on hardware would be skipped: RIP is behind it already.
        vmx.snapshot.take(cpu);
        vmx.controls.load(vmx.vmcs12);
        vmx.guest = true;
        vmx.backend.enterVmcs02();
        vmcs02.merge();
        if (!state.load()) {
            undo();
            vmx.exit.failedEntry(ExitReason.INVALID_STATE.number(), 2);
            return;
        }
        int bad = lists.load(vmx.vmcs12, VmcsField.VM_ENTRY_MSR_LOAD_ADDR, VmcsField.VM_ENTRY_MSR_LOAD_COUNT);
        if (bad != 0) {
            undo();
            vmx.exit.failedEntry(ExitReason.MSR_LOAD_FAIL.number(), bad);
            return;
        }
        transitionFlush(true);
        vmx.stage().enter();
        vmx.vcpu.worldChanged();
        vmx.vcpu.mmu().nestedEntered();
        inject();
        L0VmxTrace.entered(vmx);
    }

    /** L2 was not entered: L1's world is in force again, with the registers that the failed entry leaves. */
    private void undo() {
        vmx.guest = false;
        vmx.backend.leaveVmcs02();
        vmx.snapshot.restore(cpu);
    }

    /** nested_vmx_transition_tlb_flush (facts D.6). */
    void transitionFlush(boolean entering) {
        if (!vmx.controls.secondary(VmxFeature.ENABLE_VPID)) {
            vmx.vcpu.raise(Request.TLB_FLUSH_GUEST);
        } else if (entering && vmx.controls.vpid != vmx.lastVpid12) {
            vmx.lastVpid12 = vmx.controls.vpid;
            vmx.vcpu.raise(Request.TLB_FLUSH_GUEST);
        } else if (!vmx.backend.ept() && vmx.backend.vmcs02().vpid == 0) {
            vmx.vcpu.raise(Request.TLB_FLUSH_CURRENT);
        }
    }

    private void inject() {
        long word = vmx.vmcs12.get(VmcsField.VM_ENTRY_INTR_INFO);
        vmx.vcpu.forgetEvents();
        if (!InterruptionType.valid(word)) {
            return;
        }
        if (InterruptionType.type(word) == InterruptionType.OTHER_EVENT) {
            throw new nestbox.core.UnsupportedFeatureException("nested VMX", "injection of a pending MTF exit");
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

    /** Hardware refused vmcs02 by VMfail: what L0's checks let pass is unwound, and L1's instruction fails (facts D.7). */
    void refusedByHardware(long error) {
        vmx.vcpu.take(StateGroup.ALL);
        vmx.vcpu.serveLocalFlushes();
        vmx.vcpu.forgetEvents();
        long[] pdptesOfL2 = cpu.pdpte.clone();
        long cr3OfL2 = cpu.cr3;
        undo();
        vmx.stage().leave();
        if (!unwind(pdptesOfL2, cr3OfL2)) {
            return;
        }
        Flags.setArithmetic(cpu, Flags.ZF);
        vmx.vmcs12.set(VmcsField.VM_INSTRUCTION_ERROR, error == 0 ? InstructionError.ENTRY_CONTROLS.number() : error);
        finishSwitch();
        if (vmx.vcpu.hypervisor().config().nested().applies(NestedPolicy.VMFAIL_UNLOAD)) {
            vmx.vcpu.mmu().unload();
        }
        vmx.vcpu.mmu().nestedExited();
        transitionFlush(false);
    }

    /** What policies do to CR3 and the PDPTE registers; false if L1 is shut down by it. */
    private boolean unwind(long[] pdptesOfL2, long cr3OfL2) {
        NestedPolicies policies = vmx.vcpu.hypervisor().config().nested();
        if (policies.vmfailCr3() == NestedPolicy.VmfailCr3.NONE) {
            cpu.cr3 = cr3OfL2;
        }
        if (vmx.backend.ept() || policies.vmfailPdptr() == NestedPolicy.VmfailPdptr.SNAPSHOT) {
            return true;
        }
        if (policies.vmfailPdptr() == NestedPolicy.VmfailPdptr.NONE) {
            System.arraycopy(pdptesOfL2, 0, cpu.pdpte, 0, pdptesOfL2.length);
            return true;
        }
        if (ControlRegisters.paePaging(cpu) && !cpu.mem.port().control().loadPdptes(cpu.cr3)) {
            vmx.exit.abort(2);
            return false;
        }
        return true;
    }

    /** The registers of the processor were replaced: its derived state follows. */
    void finishSwitch() {
        cpu.updateMode();
        cpu.mem.port().contextChanged();
        cpu.updatePending();
        vmx.vcpu.worldChanged();
    }
}
