package nestbox.svm.silicon;

import java.util.function.Consumer;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.svm.capability.SvmCapability;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
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
import nestbox.x86.mem.TranslationControl;
import nestbox.x86.model.Feature;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;
import nestbox.x86.system.MsrTable;

/**
 * AMD SVM on one processor (APM Vol. 2, "Secure Virtual Machine"): the mode it is in, GIF, and the dispatch of the processor's
 * hooks to the classes that decide on intercepts.
 */
final class Svm implements VirtualizationExtension {
    static final long DR6_HITS = 0xf;
    private static final long DR7_GD = 1 << 13;
    /** EXITINFO1 of an SMI that was not raised by the processor itself. */
    private static final long EXTERNAL_SMI = 1;
    /** Error code of #SX. */
    private static final int REDIRECTED_INIT = 1;

    final Cpu cpu;
    final SvmCapability capability;
    final Controls controls = new Controls();
    final HostState host = new HostState();
    /** The VMCB of the guest that runs. */
    final Vmcb vmcb;
    /** What VMRUN read it from: itself, but under the honour policy. */
    Vmcb source;
    /** What is held of VMCBs, null where clean bits have no meaning. */
    final VmcbCache held;
    /** The model has shadow stacks, whose registers change with the world. */
    final boolean shadowStacks;

    final WorldSwitch worldSwitch;
    final NestedPaging nestedPaging;
    final InstructionIntercepts instructions;
    private final VirtualEvents virtual;
    private final SvmInstructions own;
    private final SystemManagement systemManagement = new SystemManagement(this);

    /** A guest runs. */
    boolean guest;
    /** The global interrupt flag. */
    boolean gif = true;
    /** What waits for GIF. */
    private boolean heldNmi;

    private boolean heldInit;
    private boolean heldSmi;

    Svm(Cpu cpu, CleanBitPolicy policy, Consumer<CleanBitReport> reports) {
        this.cpu = cpu;
        boolean cleanBits = policy != CleanBitPolicy.IGNORE && cpu.features.has(Feature.VMCB_CLEAN);
        this.held = cleanBits ? new VmcbCache(cpu.id, cpu.features, policy, reports) : null;
        this.shadowStacks = cpu.features.has(Feature.SHSTK);
        this.capability = SvmCapability.of(cpu.features);
        this.vmcb = new Vmcb(cpu.physical);
        this.source = vmcb;
        this.nestedPaging = new NestedPaging(this);
        this.worldSwitch = new WorldSwitch(this);
        this.instructions = new InstructionIntercepts(this);
        this.virtual = new VirtualEvents(this);
        this.own = new SvmInstructions(this);
    }

    /** Whether the guest's VMCB asks for the intercept of that number. */
    boolean intercepts(ExitCode code) {
        return guest && controls.intercepts((int) code.code());
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
        if (heldNmi) {
            heldNmi = false;
            cpu.pend(Cpu.PENDING_NMI);
        }
        if (heldInit) {
            heldInit = false;
            cpu.pend(Cpu.PENDING_INIT);
        }
        if (heldSmi) {
            heldSmi = false;
            cpu.pend(Cpu.PENDING_SMI);
        }
    }

    @Override
    public void reset(Cpu c, boolean power) {
        if (guest) {
            guest = false;
            c.mem.port().control().enterSpace(0, null);
            if (nested()) {
                c.pat = host.pat;
            }
        }
        c.unpend(Cpu.PENDING_EXTENSION);
        SvmMsrs.init(c);
        gif = true;
        if (held != null) {
            held.clear();
        }
        if (power) {
            c.mem.port().control().ignoreA20(false);
            systemManagement.reset();
            heldNmi = false;
            heldInit = false;
            heldSmi = false;
        } else {
            release();
        }
    }

    /** Memory is the guest's from here on, with what VMRUN loaded. */
    void enterGuestSpace() {
        cpu.mem.port().control().enterSpace(controls.asid & 0xffffffffL, nested() ? nestedPaging.stage() : null);
    }

    /** Whether the guest's memory is behind nested paging; its PAT is then G_PAT, else the host's own. */
    boolean nested() {
        return controls.nested && capability.npt();
    }

    /** Whether a guest is interrupted by SMM. */
    boolean guestWaits() {
        return systemManagement.guestWaits();
    }

    @Override
    public void enterSmm(Cpu c, long area) {
        systemManagement.enter(c, area);
    }

    @Override
    public boolean leaveSmm(Cpu c, long area) {
        systemManagement.leave(c);
        return true;
    }

    @Override
    public boolean saves() {
        return true;
    }

    @Override
    public void save(StateWriter out) {
        out.section("svm").writeBoolean(guest).writeBoolean(gif);
        out.writeBoolean(heldNmi).writeBoolean(heldInit).writeBoolean(heldSmi).writeLong(vmcb.address());
        controls.save(out);
        host.save(out);
        nestedPaging.save(out);
        worldSwitch.save(out);
        systemManagement.save(out);
        if (held != null) {
            held.save(out);
        }
    }

    @Override
    public void restore(StateReader in) {
        in.section("svm");
        guest = in.readBoolean();
        gif = in.readBoolean();
        heldNmi = in.readBoolean();
        heldInit = in.readBoolean();
        heldSmi = in.readBoolean();
        vmcb.standFor(in.readLong());
        source = vmcb;
        controls.restore(in);
        host.restore(in);
        nestedPaging.restore(in);
        worldSwitch.restore(in);
        systemManagement.restore(in);
        if (held != null) {
            held.restore(in);
        }
        TranslationControl control = cpu.mem.port().control();
        control.ignoreA20((cpu.msrs.stored(SvmMsrs.VM_CR) & SvmMsrs.VM_CR_DIS_A20M) != 0);
        if (guest) {
            enterGuestSpace();
        } else {
            control.enterSpace(0, null);
        }
        cpu.updatePending();
    }

    @Override
    public void execute(Cpu c, ExtensionInstruction what, Insn in) {
        own.execute(c, what, in);
    }

    @Override
    public boolean intercept(Cpu c, Intercept what, Insn in, long operand, long value) {
        return guest && instructions.intercept(c, what, in, operand, value);
    }

    @Override
    public boolean exception(Cpu c, int vector, boolean hasErrorCode, long errorCode, long detail) {
        if (!guest || !controls.intercepts((int) ExitCode.EXCP.code() + vector)) {
            return false;
        }
        if (vector == Vector.DB) {
            latchDebug(c, detail);
        }
        boolean pageFault = vector == Vector.PF;
        if (pageFault) {
            worldSwitch.saveInstructionBytes(c, (errorCode & 0x10) != 0);
        }
        // BOUND alone raises #BR; the other exceptions that have an NRIP come by softwareException.
        long next = vector == Vector.BR ? c.wrapRip(c.rip + c.faultLength) : 0;
        worldSwitch.exit(
                ExitCode.EXCP.code() + vector, hasErrorCode ? errorCode : 0, pageFault ? detail : 0, c.rip, next);
        return true;
    }

    /** DR6 and DR7 are as the handler of an intercepted #DB would see them. */
    private static void latchDebug(Cpu c, long detail) {
        c.dr[6] = c.dr[6] & ~DR6_HITS | detail | c.pendingDebug;
        c.dr[7] &= ~DR7_GD;
    }

    @Override
    public boolean softwareException(Cpu c, Insn in, int vector, int type) {
        if (!guest) {
            return false;
        }
        // INT1 has an intercept of its own, and does not ask the one of #DB.
        boolean icebp = type == EventInDelivery.PRIVILEGED_EXCEPTION;
        long code = icebp ? ExitCode.ICEBP.code() : ExitCode.EXCP.code() + vector;
        if (!controls.intercepts((int) code)) {
            return false;
        }
        worldSwitch.exitInstruction(c, in, code, 0, 0);
        return true;
    }

    @Override
    public boolean softwareInterrupt(Cpu c, Insn in, int vector) {
        if (!intercepts(ExitCode.SWINT)) {
            return false;
        }
        worldSwitch.exitInstruction(c, in, ExitCode.SWINT.code(), capability.decodeAssists() ? vector : 0, 0);
        return true;
    }

    @Override
    public void secondStageRefused(
            Cpu c, SecondStage stage, long guestPhysical, long linear, int access, boolean ofTable) {
        nestedPaging.refused(guestPhysical, access, ofTable);
    }

    @Override
    public void unwound(Cpu c) {
        nestedPaging.exit(c);
    }

    @Override
    public boolean interruptsOpen(Cpu c, boolean interruptFlag) {
        return gif && (guest && controls.interruptMasking() ? host.interruptFlag() : interruptFlag);
    }

    @Override
    public void flagsChanged(Cpu c) {
        virtualEventsChanged();
    }

    @Override
    public boolean externalInterrupt(Cpu c) {
        return exitBetween(ExitCode.INTR);
    }

    private boolean exitBetween(ExitCode code) {
        if (!intercepts(code)) {
            return false;
        }
        worldSwitch.exit(code.code(), 0, 0, cpu.rip, 0);
        return true;
    }

    @Override
    public boolean nmi(Cpu c) {
        if (!gif) {
            heldNmi = true;
            return true;
        }
        if (intercepts(ExitCode.NMI)) {
            heldNmi = true;
            return exitBetween(ExitCode.NMI);
        }
        return false;
    }

    @Override
    public boolean init(Cpu c) {
        if (!gif) {
            heldInit = true;
            return true;
        }
        if (intercepts(ExitCode.INIT)) {
            heldInit = true;
            return exitBetween(ExitCode.INIT);
        }
        if ((c.msrs.stored(SvmMsrs.VM_CR) & SvmMsrs.VM_CR_R_INIT) != 0) {
            redirectInit(c);
            return true;
        }
        return false;
    }

    /** An INIT becomes #SX with error code 1, so that secrets in memory outlive it (APM Vol. 2, "INIT Support"). */
    private static void redirectInit(Cpu c) {
        c.activity = Cpu.ACTIVE;
        c.unpend(Cpu.PENDING_INACTIVE);
        Exceptions.exception(c, Vector.SX, EventInDelivery.EXCEPTION, true, REDIRECTED_INIT, 0, true);
        c.ticks++;
    }

    @Override
    public boolean coprocessorFreeze(Cpu c) {
        return exitBetween(ExitCode.FERR_FREEZE);
    }

    @Override
    public boolean smi(Cpu c) {
        if (!gif) {
            heldSmi = true;
            return true;
        }
        // HWCR.SMMLOCK takes SMIs from hypervisors (APM Vol. 2, "SMI Intercept").
        boolean locked = (c.msrs.stored(MsrTable.HWCR) & MsrTable.HWCR_SMM_LOCK) != 0;
        if (intercepts(ExitCode.SMI) && !locked) {
            heldSmi = true;
            worldSwitch.exit(ExitCode.SMI.code(), EXTERNAL_SMI, 0, cpu.rip, 0);
            return true;
        }
        return false;
    }

    @Override
    public boolean keepsNmiBlocked(Cpu c) {
        if (guest && controls.virtualNmiEnabled()) {
            controls.unmaskVirtualNmi();
            virtual.update();
            return true;
        }
        return false;
    }

    @Override
    public boolean tripleFault(Cpu c) {
        return exitBetween(ExitCode.SHUTDOWN);
    }

    @Override
    public boolean taskSwitch(Cpu c, int selector, int source, boolean hasErrorCode, long errorCode) {
        return guest && instructions.taskSwitch(c, selector, source, hasErrorCode, errorCode);
    }

    @Override
    public boolean window(Cpu c, Window window) {
        return guest && virtual.window(c, window);
    }

    /** Virtual interrupts or NMIs may have become deliverable, or stopped being so. */
    void virtualEventsChanged() {
        virtual.update();
    }

    @Override
    public long controlRead(Cpu c, int number, long value) {
        return guest && number == 8 && controls.interruptMasking() ? controls.taskPriority() : value;
    }

    @Override
    public long tsc(Cpu c, long value) {
        if (!guest) {
            return scaled(c, value);
        }
        return scaled(c, value) + controls.tscOffset;
    }

    /** The TSC ratio acts in guests alone. */
    private long scaled(Cpu c, long value) {
        if (!guest || !capability.tscScale()) {
            return value;
        }
        return SvmMsrs.scaled(value, c.msrs.stored(SvmMsrs.TSC_RATIO));
    }

    @Override
    public boolean inGuest() {
        return guest;
    }

    /** The interrupt flag that decides on virtual interrupts. */
    boolean guestInterruptFlag() {
        return (cpu.systemFlags & Flags.IF) != 0;
    }

    /** What gates virtual interrupts and NMIs: the virtual GIF where it is enabled. */
    boolean virtualGate() {
        return controls.virtualGifEnabled() ? controls.virtualGif() : gif;
    }
}
