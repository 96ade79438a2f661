package nestbox.svm.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.Exit;
import nestbox.l0.ExitKind;
import nestbox.l0.NestedPolicy;
import nestbox.l0.NestedState;
import nestbox.l0.Nesting;
import nestbox.l0.StateGroup;
import nestbox.l0.Vcpu;
import nestbox.l0.ledger.World;
import nestbox.mmu.core.NestedFault;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.HostState;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.SecondStage;
import nestbox.x86.model.Feature;
import nestbox.x86.system.MsrTable;

/**
 * SVM as L0 emulates it for L1: GIF, the copy of vmcb12, and L1's state while L2 runs. L1's instructions are
 * {@link NestedInstructions}, entries {@link NestedVmrun}, exits {@link NestedVmexit}.
 */
final class NestedSvm implements VirtualizationExtension, Nesting {
    private static final long DR6_HITS = 0xf;
    private static final long DR7_GD = 1 << 13;
    private static final long NOT_SELECTIVE = Cpu.CR0_TS | Cpu.CR0_MP;

    final Cpu cpu;
    final Vmcb12 vmcb12;
    /** L1's registers while L2 runs. */
    final HostState host = new HostState();

    Vcpu vcpu;
    SvmBackend backend;
    NestedVmrun vmrun;
    NestedVmexit exit;
    EmulatedStage stage;
    private NestedInstructions instructions;
    private NestedExits exits;

    boolean guest;
    /** VMRUN was executed with RFLAGS.TF set: the trap comes after #VMEXIT. */
    boolean hostTrap;

    private boolean gif = true;
    private boolean heldInit;
    private boolean heldSmi;
    /** {@link Vmcb12#CHANGING} of a state that was restored. */
    private long restoredInterrupt;

    private final NestedSmm smm;

    NestedSvm(Cpu cpu) {
        this.cpu = cpu;
        smm = new NestedSmm(this);
        vmcb12 = new Vmcb12(cpu);
    }

    void attach(Vcpu newVcpu, SvmBackend newBackend) {
        vcpu = newVcpu;
        backend = newBackend;
        exit = new NestedVmexit(this);
        vmrun = new NestedVmrun(this);
        stage = new EmulatedStage(this);
        instructions = new NestedInstructions(this);
        exits = new NestedExits(this);
    }

    boolean gif() {
        return gif;
    }

    /** Leaves L2 by force, without an exit: nothing is written to vmcb12, and GIF is set (facts E.3). */
    void leave() {
        smm.reset();
        if (guest) {
            guest = false;
            backend.leaveVmcb02();
            stage.leave();
            vcpu.forgetEvents();
            vmrun.transaction().commit();
            hostTrap = false;
        }
        setGif(true);
    }

    /** Changes GIF; what waited for it becomes pending. */
    void setGif(boolean value) {
        gif = value;
        if (value) {
            release();
        }
        cpu.updatePending();
    }

    private void release() {
        if (heldInit) {
            heldInit = false;
            cpu.pend(Cpu.PENDING_INIT);
        }
        if (heldSmi) {
            heldSmi = false;
            cpu.pend(Cpu.PENDING_SMI);
        }
    }

    /** L2's time-stamp counter from L1's: L1's ratio, then vmcb12's offset. */
    long tscOfL2(long ofL1) {
        return SvmMsrs.scaled(ofL1, tscRatio()) + vmcb12.get(VmcbField.TSC_OFFSET);
    }

    /** What L1 has in TSC_RATIO; it acts on L2 alone. */
    long tscRatio() {
        return cpu.features.has(Feature.TSC_SCALE) ? cpu.msrs.stored(SvmMsrs.TSC_RATIO) : SvmMsrs.RATIO_ONE;
    }

    /** VMLOAD and VMSAVE run in L2, on its own memory: that needs nested paging and an L1 in 64-bit mode. */
    boolean vmloadRuns() {
        return vmcb12.virtualVmload() && vmcb12.npt() && host.longMode();
    }

    /** L1 asks for them to be virtualized, and they cannot be. */
    boolean vmloadLeaves() {
        return vmcb12.virtualVmload() && !vmloadRuns();
    }

    /** Whether L2's own interrupt flag decides on interrupts, so that a window can be asked for by it. */
    boolean hasWindow() {
        return gif && !(guest && vmcb12.interruptMasking());
    }

    /** L1's flag lets interrupts into L2 whatever its own is: hardware has no window for that. */
    boolean letsInterruptsIn() {
        return gif && guest && vmcb12.interruptMasking() && host.interruptFlag();
    }

    // ---- what the vCPU asks ---------------------------------------------------------------------------------------

    @Override
    public boolean guestMode() {
        return guest;
    }

    @Override
    public boolean nestedTdp() {
        return guest && vmcb12.npt();
    }

    @Override
    public World world() {
        long asid = vmcb12.get(VmcbField.GUEST_ASID);
        return vmcb12.npt() ? World.svm(asid, nestedRoot(), hostCr4(), hostEfer()) : World.svm(asid);
    }

    @Override
    public long nestedRoot() {
        return vmcb12.get(VmcbField.N_CR3);
    }

    @Override
    public long hostCr4() {
        return host.cr4();
    }

    @Override
    public long hostEfer() {
        return host.efer();
    }

    @Override
    public boolean eventsHeld() {
        return !gif;
    }

    @Override
    public boolean reflect(Exit found) {
        if (found.kind == ExitKind.INVALID_STATE) {
            vmrun.refusedByHardware();
            return true;
        }
        vmrun.transaction().commit();
        ExitCode row = ExitCode.of(found.code);
        if (row == null || !exits.toL1(row, found)) {
            return false;
        }
        exit.hardware(found);
        return true;
    }

    @Override
    public boolean reflectException(int vector, boolean hasErrorCode, long errorCode, long detail) {
        if (!vmcb12.intercepts(ExitCode.EXCP.code() + vector)) {
            return false;
        }
        if (vector == Vector.DB) {
            cpu.dr[6] = cpu.dr[6] & ~DR6_HITS | detail;
            cpu.dr[7] &= ~DR7_GD;
        }
        exit.event(ExitCode.EXCP.code() + vector, hasErrorCode ? errorCode : 0, vector == Vector.PF ? detail : 0);
        return true;
    }

    @Override
    public void reflect(NestedFault fault) {
        exit.nestedPageFault(fault);
    }

    @Override
    public void entryFailed(long error) {
        vmrun.refusedByHardware();
    }

    @Override
    public boolean interrupt() {
        if (!vmcb12.intercepts(ExitCode.INTR)) {
            return false;
        }
        vcpu.need(StateGroup.BASIC);
        if (!interruptsOpen(cpu, (cpu.systemFlags & Flags.IF) != 0)) {
            return false;
        }
        if ((cpu.pending & Cpu.PENDING_SHADOW) != 0 && vcpu.follows(NestedPolicy.SVM_INTERRUPT_SHADOW)) {
            vcpu.leaveBehindShadow();
            return false;
        }
        L0SvmTrace.interrupted(cpu);
        return leave(ExitCode.INTR);
    }

    private boolean leave(ExitCode code) {
        exit.event(code.code(), 0, 0);
        return true;
    }

    /** The NMI stays pending, for L1 to take when it has set GIF; one that is blocked waits for IRET as on the silicon. */
    @Override
    public boolean nmi() {
        return gif && !cpu.nmiBlocked && vmcb12.intercepts(ExitCode.NMI) && leave(ExitCode.NMI);
    }

    @Override
    public boolean interruptsExit() {
        return vmcb12.intercepts(ExitCode.INTR);
    }

    @Override
    public boolean shutdown() {
        return vmcb12.intercepts(ExitCode.SHUTDOWN) && leave(ExitCode.SHUTDOWN);
    }

    // ---- saved state ----------------------------------------------------------------------------------------------

    @Override
    public boolean saves() {
        return true;
    }

    @Override
    public void save(StateWriter out) {
        out.section("nested svm").writeBoolean(guest).writeBoolean(hostTrap).writeBoolean(gif);
        out.writeBoolean(heldInit).writeBoolean(heldSmi);
        host.save(out);
        vmcb12.save(out);
        vmrun.save(out);
        smm.save(out);
        out.writeLong(guest ? backend.virtualInterrupt() : 0);
    }

    @Override
    public void restore(StateReader in) {
        in.section("nested svm");
        guest = in.readBoolean();
        hostTrap = in.readBoolean();
        gif = in.readBoolean();
        heldInit = in.readBoolean();
        heldSmi = in.readBoolean();
        host.restore(in);
        vmcb12.restore(in);
        vmrun.restore(in);
        smm.restore(in);
        restoredInterrupt = in.readLong();
    }

    @Override
    public void resume() {
        if (guest) {
            vmrun.resume();
            backend.setVirtualInterrupt(restoredInterrupt);
        }
    }

    @Override
    public NestedState nestedState() {
        return new SvmNestedState(this).get();
    }

    @Override
    public void setNestedState(NestedState state) {
        new SvmNestedState(this).set(state);
    }

    // ---- what emulated instructions and events of the guest's processor ask
    // ------------------------------------------

    @Override
    public void execute(Cpu c, ExtensionInstruction what, Insn in) {
        instructions.execute(what, in);
    }

    /** Other intercepts were decided when hardware reported the exit; whether CR0 changes selectively is known only here. */
    @Override
    public boolean intercept(Cpu c, Intercept what, Insn in, long operand, long value) {
        if (!guest || !vmcb12.intercepts(ExitCode.CR0_SEL_WRITE)) {
            return false;
        }
        boolean selected = what == Intercept.LMSW
                || what == Intercept.CR_WRITE && operand == 0 && ((value ^ c.cr0) & ~NOT_SELECTIVE) != 0;
        if (selected) {
            exit.instruction(in, ExitCode.CR0_SEL_WRITE.code(), 0, 0);
        }
        return selected;
    }

    @Override
    public void reset(Cpu c, boolean power) {
        if (guest && !vcpu.follows(NestedPolicy.LEAVE_ON_RESET)) {
            return;
        }
        if (guest) {
            guest = false;
            backend.leaveVmcb02();
            stage.leave();
            c.pat = host.pat();
        }
        gif = true;
        hostTrap = false;
        smm.reset();
        if (power) {
            heldInit = false;
            heldSmi = false;
        } else {
            release();
        }
    }

    @Override
    public boolean init(Cpu c) {
        if (!gif) {
            heldInit = true;
            return true;
        }
        if (guest && vmcb12.intercepts(ExitCode.INIT)) {
            heldInit = true;
            return leave(ExitCode.INIT);
        }
        return false;
    }

    @Override
    public boolean smi(Cpu c) {
        if (!gif) {
            heldSmi = true;
            return true;
        }
        // HWCR.SMMLOCK takes SMIs from hypervisors (APM Vol. 2, "SMI Intercept").
        boolean locked = (c.msrs.stored(MsrTable.HWCR) & MsrTable.HWCR_SMM_LOCK) != 0;
        if (guest && vmcb12.intercepts(ExitCode.SMI) && !locked) {
            heldSmi = true;
            return leave(ExitCode.SMI);
        }
        return false;
    }

    @Override
    public void enterSmm(Cpu c, long area) {
        smm.enter(area);
    }

    @Override
    public boolean leaveSmm(Cpu c, long area) {
        return smm.leave(area);
    }

    @Override
    public boolean interruptsOpen(Cpu c, boolean interruptFlag) {
        return gif && (guest && vmcb12.interruptMasking() ? host.interruptFlag() : interruptFlag);
    }

    /** IRET of L2 that L0 emulates opens virtual NMIs; physical ones are no matter of L2's. */
    @Override
    public boolean keepsNmiBlocked(Cpu c) {
        if (!guest || !vmcb12.virtualNmi()) {
            return false;
        }
        backend.setVirtualInterrupt(backend.virtualInterrupt() & ~Vmcb12.V_NMI_BLOCKING);
        return true;
    }

    /** By a virtual interrupt or NMI. */
    @Override
    public boolean wakesFromHalt() {
        return vmcb12.deliverable(backend.virtualInterrupt(), (cpu.systemFlags & Flags.IF) != 0);
    }

    @Override
    public long controlRead(Cpu c, int number, long value) {
        boolean virtual = guest && number == 8 && vmcb12.interruptMasking();
        return virtual ? backend.vmcb02().get(VmcbField.INTERRUPT_CONTROL) & 0xf : value;
    }

    @Override
    public long tsc(Cpu c, long value) {
        return guest ? tscOfL2(value) : value;
    }

    @Override
    public void secondStageRefused(
            Cpu c, SecondStage from, long guestPhysical, long linear, int access, boolean ofTable) {
        stage.refused(guestPhysical, access, ofTable);
    }

    @Override
    public void unwound(Cpu c) {
        stage.unwound();
    }

    @Override
    public boolean inGuest() {
        return guest;
    }
}
