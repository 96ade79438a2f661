package nestbox.svm.l0;

import java.util.Arrays;
import nestbox.l0.Event;
import nestbox.l0.Exit;
import nestbox.l0.NestedPolicy;
import nestbox.l0.StateGroup;
import nestbox.mmu.core.NestedFault;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.GuestState;
import nestbox.svm.world.LastBranches;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.EventInDelivery;

/** #VMEXIT from L2 to L1 (facts E.3; APM Vol. 2, "#VMEXIT"). */
final class NestedVmexit {
    private static final long STAGE = 3L << 32;
    private static final long FINAL = 1L << 32;
    private static final long SINGLE_STEP = 1 << 14;

    private final NestedSvm svm;
    private final Cpu cpu;

    NestedVmexit(NestedSvm svm) {
        this.svm = svm;
        cpu = svm.cpu;
    }

    /** The exit that hardware reported, as it reported it. */
    void hardware(Exit found) {
        svm.vcpu.take(StateGroup.SWITCHED);
        Vmcb vmcb02 = svm.backend.vmcb02();
        if (found.code == ExitCode.EXCP.code() + Vector.DB) {
            cpu.dr[6] = vmcb02.get(VmcbField.DR6);
            cpu.dr[7] = vmcb02.get(VmcbField.DR7);
        }
        leave(found.code, found.info1, found.info2, cpu.rip, vmcb02.get(VmcbField.NRIP));
    }

    /** An instruction that L0 emulates for L2 is intercepted; RIP is behind it. */
    void instruction(Insn in, long code, long info1, long info2) {
        leave(code, info1, info2, cpu.wrapRip(cpu.rip - in.length), cpu.rip);
    }

    void event(long code, long info1, long info2) {
        svm.vcpu.take(StateGroup.SWITCHED);
        leave(code, info1, info2, cpu.rip, 0);
    }

    void nestedPageFault(NestedFault fault) {
        long info = fault.errorCode();
        long reported = svm.backend.vmcb02().get(VmcbField.EXITINFO1) & STAGE;
        if (fault.byHardware() && reported != 0) {
            info = info & ~STAGE | reported;
        }
        if (!svm.vcpu.follows(NestedPolicy.SVM_NPF_STAGE)) {
            info = info & ~STAGE | FINAL;
        }
        event(ExitCode.NPF.code(), info, fault.address().value());
    }

    private void leave(long code, long info1, long info2, long rip, long next) {
        svm.vcpu.take(StateGroup.SWITCHED);
        svm.vcpu.serveLocalFlushes();
        Vmcb to = svm.vmcb12.page();
        GuestState.store(cpu, to);
        if (svm.vmcb12.npt()) {
            to.set(VmcbField.G_PAT, cpu.pat);
        }
        if (svm.vmcb12.lastBranches()) {
            LastBranches.store(cpu, to);
        }
        to.set(VmcbField.RIP, rip);
        to.set(VmcbField.NRIP, next);
        boolean shadow = (cpu.pending & Cpu.PENDING_SHADOW) != 0 || cpu.shadow != Cpu.SHADOW_NONE;
        to.set(VmcbField.INTERRUPT_SHADOW, shadow ? 1 : 0);
        to.set(VmcbField.EXITCODE, code);
        to.set(VmcbField.EXITINFO1, info1);
        to.set(VmcbField.EXITINFO2, info2);
        long interrupted = code == ExitCode.INVALID.code() ? to.get(VmcbField.EXITINTINFO) : interrupted();
        to.set(VmcbField.EXITINTINFO, interrupted);
        to.set(VmcbField.EVENTINJ, 0);
        to.set(VmcbField.INTERRUPT_CONTROL, svm.vmcb12.interruptControl(svm.backend.virtualInterrupt()));
        to.commit();
        svm.vcpu.hypervisor().counters().nestedExits++;
        L0SvmTrace.exited(cpu, code, info1, info2, interrupted);
        toHost();
    }

    private long interrupted() {
        Event event = svm.vcpu.eventAgain();
        if (!event.active) {
            return 0;
        }
        int type = event.type;
        if (type == EventInDelivery.SOFTWARE_EXCEPTION || type == EventInDelivery.PRIVILEGED_EXCEPTION) {
            type = EventInfo.EXCEPTION;
        }
        return EventInfo.of(event.vector, type, event.hasErrorCode, event.errorCode & 0xffffffffL);
    }

    /** #VMEXIT(INVALID): VMRUN did not come to L2, and L1 was never left. */
    void invalid() {
        Vmcb to = svm.vmcb12.page();
        to.set(VmcbField.EXITCODE, ExitCode.INVALID.code());
        to.set(VmcbField.EXITINFO1, 0);
        to.set(VmcbField.EXITINFO2, 0);
        if (svm.vcpu.follows(NestedPolicy.SVM_INVALID_EXIT)) {
            to.set(VmcbField.EVENTINJ, 0);
        } else {
            to.set(VmcbField.EXITINTINFO, 0);
        }
        to.commit();
        L0SvmTrace.exited(cpu, ExitCode.INVALID.code(), 0, 0, 0);
        svm.setGif(false);
    }

    private void toHost() {
        svm.vcpu.forgetEvents();
        svm.guest = false;
        svm.backend.leaveVmcb02();
        svm.host.restore(cpu);
        if (svm.vmcb12.npt()) {
            cpu.pat = svm.host.pat();
        }
        if (svm.vmcb12.lastBranches()) {
            LastBranches.leave(cpu, svm.host);
        }
        cpu.pendingDebug = 0;
        cpu.shadow = Cpu.SHADOW_NONE;
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_INACTIVE);
        cpu.noStepTrap = true;
        cpu.switchWorlds();
        svm.setGif(false);
        cpu.updateMode();
        svm.stage.leave();
        cpu.mem.port().contextChanged();
        svm.vcpu.worldChanged();
        long[] pdptes = cpu.pdpte.clone();
        boolean loads = svm.vcpu.follows(NestedPolicy.SVM_HOST_PDPTES);
        if (loads
                && ControlRegisters.paePaging(cpu)
                && !cpu.mem.port().control().loadPdptes(cpu.cr3)) {
            shutdown();
            return;
        }
        svm.vcpu.mmu().pdptesLoaded(!Arrays.equals(pdptes, cpu.pdpte));
        svm.vcpu.mmu().nestedExited();
        svm.vmrun.transitionFlush();
        if (svm.hostTrap) {
            svm.hostTrap = false;
            cpu.pendingDebug |= SINGLE_STEP;
            cpu.pend(Cpu.PENDING_DEBUG_TRAP);
        }
    }

    private void shutdown() {
        cpu.activity = Cpu.SHUTDOWN;
        cpu.pend(Cpu.PENDING_INACTIVE);
        cpu.platform.shutdown(cpu);
    }
}
