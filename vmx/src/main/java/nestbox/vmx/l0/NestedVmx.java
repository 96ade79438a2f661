package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.EntryFailure;
import nestbox.l0.Exit;
import nestbox.l0.ExitKind;
import nestbox.l0.NestedPolicy;
import nestbox.l0.NestedState;
import nestbox.l0.Nesting;
import nestbox.l0.Vcpu;
import nestbox.l0.ledger.World;
import nestbox.mmu.core.NestedFault;
import nestbox.mmu.core.Ngpa;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.FixedBits;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.vmcs.CurrentVmcs;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Intercept;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.SecondStage;

/**
 * VMX as L0 emulates it for L1. The state of VMX operation, the current vmcs12, and what L2 may do; L1's instructions are
 * {@link NestedInstructions}, entries {@link NestedEntry}, exits {@link NestedExit}.
 */
final class NestedVmx implements VirtualizationExtension, CurrentVmcs, Nesting {
    static final long NONE = -1;

    final Cpu cpu;
    final VmxModel model;
    final Controls12 controls = new Controls12();
    Vcpu vcpu;
    VmxBackend backend;
    NestedEntry entry;
    NestedExit exit;
    private NestedInstructions instructions;
    private NestedExits exits;
    private NestedEvents events;
    private EmulatedStage stage;

    boolean on;
    boolean guest;
    long vmxonPointer = NONE;
    Vmcs vmcs12;
    /** The VMCS to which L2's own VMREAD and VMWRITE go while it runs, or null. */
    Vmcs shadow12;
    /** VPID that L2 ran with last. */
    long lastVpid12;
    /** L1's registers that an entry that hardware refuses must bring back. */
    final L1Snapshot snapshot = new L1Snapshot();

    /** A monitor-trap-flag exit is due before L2's next instruction. */
    boolean trapFlag;

    NestedTimer timer;
    NestedFunctions functions;
    ShadowVmcs shadowing;
    RareFields rare;
    NestedApic apic;

    final FixedBits fixed;
    final NestedSmm smm;
    final NestedSignals signals;
    private final NestedControlRegisters controlRegisters;

    NestedVmx(Cpu cpu, VmxModel model) {
        this.cpu = cpu;
        this.model = model;
        fixed = new FixedBits(model.capability());
        smm = new NestedSmm(this);
        signals = new NestedSignals(this);
        controlRegisters = new NestedControlRegisters(this);
    }

    void attach(Vcpu newVcpu, VmxBackend newBackend) {
        vcpu = newVcpu;
        backend = newBackend;
        exit = new NestedExit(this);
        entry = new NestedEntry(this);
        instructions = new NestedInstructions(this);
        exits = new NestedExits(this);
        events = new NestedEvents(this);
        stage = new EmulatedStage(this);
        timer = new NestedTimer(this);
        functions = new NestedFunctions(this);
        apic = new NestedApic(this);
        shadowing = new ShadowVmcs(this, newBackend.revision());
        rare = new RareFields(this);
    }

    EmulatedStage stage() {
        return stage;
    }

    boolean has(VmxFeature feature) {
        return model.has(feature);
    }

    void makeCurrent(long address) {
        if (vmcs12 != null) {
            if (vmcs12.address() == address) {
                return;
            }
            pull();
            vmcs12.writeBack(cpu.physical);
        }
        vmcs12 = load(address);
        currentChanged();
    }

    /** Another vmcs12 is current, or none. */
    void currentChanged() {
        entry.vmcsChanged();
        shadowing.currentChanged();
    }

    /** Writes vmcs12 back; there is no current one then. */
    void release() {
        if (vmcs12 != null) {
            pull();
            vmcs12.writeBack(cpu.physical);
            vmcs12 = null;
            currentChanged();
        }
    }

    /** Takes into vmcs12 what belongs there and hardware has. */
    void pull() {
        shadowing.pull();
        rare.pull();
    }

    private Vmcs load(long address) {
        Vmcs vmcs = region(address);
        vmcs.load(cpu.physical);
        return vmcs;
    }

    /** L2 runs: takes a copy of the shadow VMCS that L1 gave it. */
    void loadShadow() {
        long link = vmcs12.get(VmcsField.VMCS_LINK_POINTER);
        shadow12 = controls.secondary(VmxFeature.VMCS_SHADOWING) && link != NONE ? load(link) : null;
    }

    void flushShadow() {
        if (shadow12 != null) {
            shadow12.writeBack(cpu.physical);
            shadow12 = null;
        }
    }

    /** What VMREAD and VMWRITE of the guest that runs go to, or null. */
    Vmcs accessed() {
        return guest ? shadow12 : vmcs12;
    }

    @Override
    public Vmcs currentVmcs() {
        return vmcs12;
    }

    @Override
    public long vmxonPointer() {
        return vmxonPointer;
    }

    @Override
    public boolean nonRoot() {
        return guest;
    }

    /** A VMCS at an address, of which nothing is known yet. */
    static Vmcs region(long address) {
        return new Vmcs(address, EntryChecks.readers());
    }

    /** Leaves L2 and VMX operation by force, without an exit. */
    void leave() {
        if (guest) {
            guest = false;
            trapFlag = false;
            shadow12 = null;
            timer.stop();
            backend.leaveVmcs02();
            stage.leave();
            vcpu.forgetEvents();
            entry.transaction().commit();
        }
        on = false;
        smm.reset();
        vmcs12 = null;
        rare.forget();
        vmxonPointer = NONE;
        currentChanged();
    }

    void turnOn(long pointer) {
        on = true;
        vmxonPointer = pointer;
        vmcs12 = null;
    }

    void turnOff() {
        release();
        on = false;
        vmxonPointer = NONE;
        signals.release();
    }

    /** L2 is left, or was not reached: nothing of it waits any more. */
    void forgetL2() {
        trapFlag = false;
        timer.stop();
        flushShadow();
    }

    long cr0Mask() {
        return controls.cr0Mask;
    }

    /** What L2's time-stamp counter is ahead of the host's, after scaling. */
    long tscOffset(long offset01) {
        return controls.scaled(offset01) + controls.tscOffset;
    }

    // ---- what the vCPU asks ---------------------------------------------------------------------------------------

    @Override
    public boolean guestMode() {
        return guest;
    }

    @Override
    public boolean nestedTdp() {
        return guest && controls.ept();
    }

    @Override
    public long nestedRoot() {
        return controls.eptp;
    }

    @Override
    public World world() {
        return World.vmx(controls.vpid, controls.ept() ? controls.eptp : 0);
    }

    /** EPT12 does not depend on L1's paging mode. */
    @Override
    public long hostCr4() {
        return cpu.cr4;
    }

    @Override
    public long hostEfer() {
        return cpu.efer;
    }

    @Override
    public boolean reflect(Exit found) {
        ExitReason reason = ExitReason.byNumber((int) found.code & 0xffff);
        if (found.kind == ExitKind.INVALID_STATE) {
            boolean msr = reason == ExitReason.MSR_LOAD_FAIL;
            entry.refusedByHardware(msr ? EntryFailure.MSR_LOAD : EntryFailure.GUEST_STATE, found.info1);
            return true;
        }
        entry.transaction().commit();
        if (reason == null || !exits.toL1(reason, found)) {
            return false;
        }
        exit.hardware(reason);
        return true;
    }

    @Override
    public boolean reflectException(int vector, boolean hasErrorCode, long errorCode, long detail) {
        return exits.wantsException(vector, errorCode) && events.exception(vector, hasErrorCode, errorCode, detail);
    }

    @Override
    public void reflect(NestedFault fault) {
        exit.ept(fault);
    }

    @Override
    public void entryFailed(long error) {
        entry.refusedByHardware(EntryFailure.VMFAIL, error);
    }

    @Override
    public boolean interrupt() {
        return events.interrupt();
    }

    @Override
    public boolean nmi() {
        return events.nmi();
    }

    /** NMIs leave L2, and it has none of its own. */
    boolean takesPhysicalNmis() {
        return controls.pin(VmxFeature.NMI_EXITING) && !controls.pin(VmxFeature.VIRTUAL_NMIS);
    }

    /** A triple fault of L2 that L0 met while it emulated: always L1's. */
    @Override
    public boolean shutdown() {
        exit.event(ExitReason.TRIPLE_FAULT, 0);
        return true;
    }

    // ---- saved state ----------------------------------------------------------------------------------------------

    @Override
    public boolean saves() {
        return true;
    }

    @Override
    public void save(StateWriter out) {
        NestedVmxState.save(this, out);
    }

    @Override
    public void restore(StateReader in) {
        NestedVmxState.restore(this, in);
    }

    @Override
    public void resume() {
        if (guest) {
            // EPTP switching need not have taken all of the EPTP that vmcs12 has.
            long eptp = controls.eptp;
            entry.resume();
            controls.eptp = eptp;
            stage.enter();
        }
    }

    @Override
    public NestedState nestedState() {
        pull();
        if (guest) {
            apic.save();
        }
        return new VmxNestedState(this).get();
    }

    @Override
    public void setNestedState(NestedState state) {
        new VmxNestedState(this).set(state);
    }

    @Override
    public boolean interruptsExit() {
        return controls.pin(VmxFeature.EXTERNAL_INTERRUPT_EXITING);
    }

    @Override
    public boolean exitDue() {
        return events.due() != null;
    }

    @Override
    public void takeExit() {
        ExitReason reason = events.due();
        trapFlag = false;
        exit.event(reason, 0);
    }

    @Override
    public boolean wakesFromHalt() {
        return apic.wakes();
    }

    @Override
    public boolean logDirty(Ngpa address) {
        return functions.logDirty(address.value());
    }

    @Override
    public boolean trapsWait() {
        return trapFlag || entryPending();
    }

    @Override
    public void emulated() {
        trapFlag = controls.primary(VmxFeature.MONITOR_TRAP_FLAG) && vcpu.follows(NestedPolicy.EVENTS_MTF);
    }

    @Override
    public boolean entryPending() {
        return entry.transaction().open();
    }

    // ---- what the guest's processor asks --------------------------------------------------------------------------

    @Override
    public void execute(Cpu c, ExtensionInstruction what, Insn in) {
        instructions.execute(what, in);
    }

    @Override
    public void reset(Cpu c, boolean power) {
        if (guest && !vcpu.follows(NestedPolicy.LEAVE_ON_RESET)) {
            return;
        }
        if (guest) {
            backend.leaveVmcs02();
        }
        guest = false;
        on = false;
        vmcs12 = null;
        vmxonPointer = NONE;
        signals.reset();
        smm.reset();
        if (vcpu != null) {
            forgetL2();
            stage.leave();
            shadowing.unlinked();
            rare.forget();
        }
    }

    @Override
    public boolean init(Cpu c) {
        return signals.init();
    }

    @Override
    public boolean sipi(Cpu c, int vector) {
        return signals.sipi(vector);
    }

    @Override
    public void enterSmm(Cpu c, long area) {
        smm.enter();
    }

    @Override
    public boolean leaveSmm(Cpu c, long area) {
        return smm.leave();
    }

    @Override
    public boolean loadsPdptes(Cpu c) {
        return !guest || !controls.ept();
    }

    @Override
    public boolean interruptsOpen(Cpu c, boolean interruptFlag) {
        return guest && interruptsExit() || interruptFlag;
    }

    @Override
    public long controlRead(Cpu c, int number, long value) {
        return controlRegisters.read(number, value);
    }

    @Override
    public long controlWrite(Cpu c, int number, long value) {
        return controlRegisters.write(number, value);
    }

    /** What L0 finds at L2's RIP when it emulates need not be what hardware left L2 for. */
    @Override
    public boolean intercept(Cpu c, Intercept what, Insn in, long operand, long value) {
        return guest && vcpu.follows(NestedPolicy.EMULATION_INTERCEPTS) && exits.emulated(what, in, operand, value);
    }

    @Override
    public long tsc(Cpu c, long value) {
        return guest ? controls.scaled(value) + controls.tscOffset : value;
    }

    @Override
    public void secondStageRefused(
            Cpu c, SecondStage from, long guestPhysical, long linear, int access, boolean ofTable) {
        stage.refused(guestPhysical, linear, access, ofTable);
    }

    @Override
    public void unwound(Cpu c) {
        stage.unwound();
    }
}
