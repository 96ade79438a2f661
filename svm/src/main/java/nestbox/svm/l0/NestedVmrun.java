package nestbox.svm.l0;

import nestbox.core.UnsupportedFeatureException;
import nestbox.mmu.core.Request;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.GuestState;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.system.ControlRegisters;

/** L1's VMRUN behind its own faults, in KVM's order (facts E.1, E.2; APM Vol. 2, "VMRUN Instruction"). */
final class NestedVmrun {
    private final NestedSvm svm;
    private final Cpu cpu;
    private final Vmcb02 vmcb02;

    NestedVmrun(NestedSvm svm) {
        this.svm = svm;
        cpu = svm.cpu;
        vmcb02 = new Vmcb02(svm);
    }

    /** RIP is behind VMRUN already. */
    void run(long address) {
        if ((cpu.cr0 & Cpu.CR0_PG) == 0 || cpu.smm) {
            throw cpu.raise(Vector.UD);
        }
        if (cpu.msrs.stored(SvmMsrs.VM_HSAVE_PA) == 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        if (svm.guestMode()) {
            throw new UnsupportedFeatureException("nested SVM", "VMRUN of L2 that L1 does not intercept");
        }
        svm.vmcb12.load(address);
        if (VmrunChecks.first(svm.vmcb12) != null) {
            svm.exit.invalid();
            return;
        }
        enter(address);
    }

    private void enter(long address) {
        Vmcb from = svm.vmcb12.copy();
        long rip = cpu.rip;
        svm.vcpu.serveLocalFlushes();
        svm.host.save(cpu);
        svm.hostTrap = (cpu.systemFlags & Flags.TF) != 0;
        svm.stage.prepare();
        transitionFlush();
        GuestState.load(cpu, from);
        if (svm.vmcb12.npt()) {
            cpu.pat = from.get(VmcbField.G_PAT);
        }
        cpu.pendingDebug = 0;
        cpu.shadow = Cpu.SHADOW_NONE;
        cpu.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
        cpu.noStepTrap = true;
        cpu.switchedWorlds = true;
        svm.guest = true;
        svm.backend.enterVmcb02();
        vmcb02.merge();
        svm.setGif(true);
        cpu.updateMode();
        svm.stage.enter();
        cpu.mem.port().contextChanged();
        svm.vcpu.worldChanged();
        boolean walksTables = !svm.vmcb12.npt() && ControlRegisters.paePaging(cpu);
        if (walksTables && !cpu.mem.port().control().loadPdptes(cpu.cr3)) {
            svm.exit.failedEntry();
            return;
        }
        svm.vcpu.mmu().nestedEntered();
        inject(from);
        L0SvmTrace.entered(cpu, rip, address, svm.vmcb12);
    }

    /** Unconditional, both ways: TLB_CONTROL and a new ASID of vmcb12 ask for nothing more. */
    void transitionFlush() {
        svm.vcpu.raise(Request.MMU_SYNC);
        svm.vcpu.raise(Request.TLB_FLUSH_CURRENT);
    }

    private void inject(Vmcb from) {
        svm.vcpu.forgetEvents();
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
        svm.vcpu.eventAgain().set(type, vector, error, EventInfo.errorCode(event), 0);
    }
}
