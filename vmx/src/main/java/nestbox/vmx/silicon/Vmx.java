package nestbox.vmx.silicon;

import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.FixedBits;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.vmcs.CurrentVmcs;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.SecondStage;
import nestbox.x86.mem.TranslationControl;

/**
 * VMX of one processor: its mode of operation (outside VMX, root, non-root), the current VMCS, and the dispatch of the
 * processor's questions to the classes that answer them (SDM Vol. 3, chapters on VMX).
 */
public final class Vmx implements VirtualizationExtension, CurrentVmcs {
    /** The value of a VMCS pointer that points nowhere. */
    static final long NONE = -1;

    final Cpu cpu;
    final VmxModel model;
    final FixedBits fixed;
    final Controls controls = new Controls();
    final Spaces spaces;
    final PreparedExit prepared;
    final EptStage ept;
    final GuestState guestState;
    final HostState hostState;
    final MsrLists msrLists;
    final Exit exit;
    final Entry entry;
    final Events events;
    final VmFunctions functions;
    final ControlAccess controlAccess;
    final VirtualApic virtualApic;
    final PostedInterrupts posted;
    final PauseLoops pauseLoops;
    private final ApicAccess apicAccess;
    private final SystemManagement systemManagement;
    private final VmxInstructions instructions;
    private final Intercepts intercepts;

    /** In VMX operation. */
    boolean on;
    /** In VMX non-root operation. */
    boolean guest;

    long vmxonPointer = NONE;
    /** The current VMCS, or null. */
    Vmcs vmcs;

    final ActiveVmcs active;
    /** Virtual NMIs are blocked. */
    boolean virtualNmiBlocked;
    /** An INIT that VMX root operation holds back. */
    private boolean heldInit;

    Vmx(Cpu cpu, VmxModel model) {
        this.cpu = cpu;
        this.model = model;
        fixed = new FixedBits(model.capability());
        spaces = new Spaces(translations());
        active = new ActiveVmcs(cpu);
        prepared = new PreparedExit(this);
        ept = new EptStage(this);
        guestState = new GuestState(this);
        hostState = new HostState(this);
        msrLists = new MsrLists(this);
        exit = new Exit(this);
        entry = new Entry(this);
        events = new Events(this);
        functions = new VmFunctions(this);
        controlAccess = new ControlAccess(this);
        virtualApic = new VirtualApic(this);
        posted = new PostedInterrupts(this);
        pauseLoops = new PauseLoops(this);
        apicAccess = new ApicAccess(this);
        systemManagement = new SystemManagement(this);
        instructions = new VmxInstructions(this);
        intercepts = new Intercepts(this, apicAccess);
    }

    TranslationControl translations() {
        return cpu.mem.port().control();
    }

    @Override
    public Vmcs currentVmcs() {
        return vmcs;
    }

    @Override
    public long vmxonPointer() {
        return vmxonPointer;
    }

    @Override
    public boolean nonRoot() {
        return guest;
    }

    @Override
    public boolean inGuest() {
        return guest;
    }

    void turnOn(long pointer) {
        on = true;
        vmxonPointer = pointer;
        vmcs = null;
    }

    void turnOff() {
        if (vmcs != null) {
            vmcs.writeBack(cpu.physical);
            vmcs = null;
        }
        active.forgetAll();
        on = false;
        vmxonPointer = NONE;
        releaseInit();
    }

    /** INITs that were held back become pending again. */
    void releaseInit() {
        if (heldInit) {
            heldInit = false;
            cpu.pend(Cpu.PENDING_INIT);
        }
    }

    /** Writes the VMCS at {@code address} back if it is the current one, and keeps no copy of it. */
    void release(long address) {
        if (vmcs != null && vmcs.address() == address) {
            vmcs.writeBack(cpu.physical);
            vmcs = null;
        }
        active.forget(address);
    }

    void makeCurrent(long address) {
        if (vmcs != null) {
            if (vmcs.address() == address) {
                return;
            }
            vmcs.writeBack(cpu.physical);
        }
        vmcs = active.get(address);
    }

    /** Makes translations follow the world that the registers hold now. */
    void switchWorld() {
        if (!guest) {
            translations().enterSpace(0, null);
            return;
        }
        boolean apic = controls.secondary(Controls.APIC_ACCESSES);
        translations().watchPage(apic ? vmcs.get(VmcsField.APIC_ACCESS_ADDR) : TranslationControl.NO_PAGE);
        if (controls.secondary(Controls.EPT)) {
            translations().enterSpace(spaces.combined(controls.vpid, controls.eptp), ept.stage(controls.eptp));
        } else {
            translations().enterSpace(spaces.linear(controls.vpid), null);
        }
    }

    /** Without VPID, transitions drop what VPID 0 has. */
    void flushForTransition() {
        if (controls.vpid == 0) {
            spaces.transition();
        }
    }

    @Override
    public void execute(Cpu c, ExtensionInstruction what, Insn in) {
        instructions.execute(what, in);
    }

    @Override
    public void reset(Cpu c, boolean power) {
        guest = false;
        on = false;
        vmcs = null;
        active.forgetAll();
        vmxonPointer = NONE;
        virtualNmiBlocked = false;
        heldInit = false;
        events.forget();
        translations().enterSpace(0, null);
    }

    @Override
    public boolean intercept(Cpu c, Intercept what, Insn in, long operand, long value) {
        return guest && intercepts.decide(what, in, operand, value);
    }

    @Override
    public long controlRead(Cpu c, int number, long value) {
        if (!guest) {
            return value;
        }
        return switch (number) {
            case 0 -> value & ~controls.cr0Mask | controls.cr0Shadow & controls.cr0Mask;
            case 4 -> value & ~controls.cr4Mask | controls.cr4Shadow & controls.cr4Mask;
            case 8 -> controls.primary(Controls.TPR_SHADOW) ? controlAccess.taskPriority() : value;
            default -> value;
        };
    }

    @Override
    public long controlWrite(Cpu c, int number, long value) {
        if (c.smm && number == 4 && (value & Cpu.CR4_VMXE) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (!on) {
            return value;
        }
        long result = value;
        if (guest) {
            result = number == 0
                    ? value & ~controls.cr0Mask | c.cr0 & controls.cr0Mask
                    : value & ~controls.cr4Mask | c.cr4 & controls.cr4Mask;
        }
        boolean unrestricted = guest && controls.secondary(Controls.UNRESTRICTED);
        boolean good = number == 0 ? fixed.cr0(result | Cpu.CR0_ET, unrestricted) : fixed.cr4(result);
        if (!good) {
            throw c.raise(Vector.GP, 0);
        }
        return result;
    }

    @Override
    public long tsc(Cpu c, long value) {
        return guest ? controls.tsc(value) : value;
    }

    @Override
    public boolean exception(Cpu c, int vector, boolean hasErrorCode, long errorCode, long detail) {
        return guest && events.exception(vector, hasErrorCode, errorCode, detail);
    }

    @Override
    public boolean softwareException(Cpu c, Insn in, int vector, int type) {
        return guest && events.softwareException(in, vector, type);
    }

    @Override
    public boolean externalInterrupt(Cpu c) {
        return guest && events.externalInterrupt();
    }

    @Override
    public boolean interruptsOpen(Cpu c, boolean interruptFlag) {
        return guest && controls.pin(Controls.EXTERNAL_INTERRUPT) || interruptFlag;
    }

    @Override
    public boolean nmi(Cpu c) {
        return guest && events.nmi();
    }

    @Override
    public boolean keepsNmiBlocked(Cpu c) {
        if (!guest) {
            return false;
        }
        if (!controls.pin(Controls.NMI)) {
            events.iret(c.nmiBlocked);
            return false;
        }
        events.iret(virtualNmiBlocked);
        virtualNmiBlocked = false;
        events.recheck();
        return true;
    }

    @Override
    public void flagsChanged(Cpu c) {
        if (guest) {
            events.recheck();
        }
    }

    @Override
    public boolean init(Cpu c) {
        if (guest) {
            exit.event(ExitReason.INIT_SIGNAL, 0);
            return true;
        }
        heldInit |= on;
        return on;
    }

    @Override
    public boolean sipi(Cpu c, int vector) {
        if (guest && c.activity == Cpu.WAIT_FOR_SIPI) {
            exit.event(ExitReason.SIPI_SIGNAL, vector);
            return true;
        }
        return on;
    }

    @Override
    public void enterSmm(Cpu c, long area) {
        systemManagement.enter();
    }

    @Override
    public boolean leaveSmm(Cpu c, long area) {
        return systemManagement.leave();
    }

    @Override
    public boolean loadsPdptes(Cpu c) {
        return !guest || !controls.secondary(Controls.EPT);
    }

    /** A delivery takes a tick, as an instruction does. */
    @Override
    public boolean noInstruction(Cpu c, int deliveries) {
        boolean late = guest && controls.secondary(Controls.TIMEOUT) && deliveries > vmcs.get(VmcsField.NOTIFY_WINDOW);
        if (late) {
            exit.event(ExitReason.NOTIFY, 0);
        }
        return late;
    }

    @Override
    public boolean detectsBusLocks() {
        return guest && controls.secondary(Controls.BUS_LOCKS);
    }

    @Override
    public void busLocked(Cpu c) {
        events.busLocked();
    }

    @Override
    public boolean tripleFault(Cpu c) {
        if (!guest) {
            return false;
        }
        exit.event(ExitReason.TRIPLE_FAULT, 0);
        return true;
    }

    @Override
    public boolean window(Cpu c, Window window) {
        return window == Window.AFTER_INSTRUCTION
                ? guest && (virtualApic.afterInstruction() || events.busLockExit())
                : events.window(window);
    }

    @Override
    public boolean taskSwitch(Cpu c, int selector, int source, boolean hasErrorCode, long errorCode) {
        return guest && events.taskSwitch(selector, source);
    }

    @Override
    public void secondStageRefused(
            Cpu c, SecondStage stage, long guestPhysical, long linear, int access, boolean ofTable) {
        ept.refused(stage, guestPhysical, linear, access, ofTable);
    }

    @Override
    public void unwound(Cpu c) {
        prepared.leave();
    }

    @Override
    public void watchedAccess(Cpu c, long physical, int bytes, int access) {
        apicAccess.check(physical, bytes, access);
    }

    @Override
    public long watchedLoad(Cpu c, long physical, int bytes, int access) {
        return apicAccess.load(physical, bytes, access);
    }

    @Override
    public void watchedStore(Cpu c, long physical, int bytes, long value) {
        apicAccess.store(physical, bytes, value);
    }

    @Override
    public void watchedTable(Cpu c) {
        apicAccess.table();
    }

    @Override
    public boolean saves() {
        return true;
    }

    @Override
    public void save(StateWriter out) {
        out.section("vmx").writeBoolean(on).writeBoolean(guest).writeLong(vmxonPointer);
        out.writeLong(vmcs == null ? NONE : vmcs.address());
        if (vmcs != null) {
            vmcs.save(out);
        }
        out.writeBoolean(virtualNmiBlocked).writeBoolean(heldInit);
        spaces.save(out);
        events.save(out);
        virtualApic.save(out);
        pauseLoops.save(out);
        systemManagement.save(out);
    }

    @Override
    public void restore(StateReader in) {
        in.section("vmx");
        on = in.readBoolean();
        guest = in.readBoolean();
        vmxonPointer = in.readLong();
        long pointer = in.readLong();
        vmcs = null;
        active.forgetAll();
        if (pointer != NONE) {
            vmcs = new Vmcs(pointer, EntryChecks.readers());
            vmcs.restore(in);
            active.put(vmcs);
        }
        if (guest && vmcs == null) {
            throw new NestboxException("state", "a guest runs without a VMCS");
        }
        virtualNmiBlocked = in.readBoolean();
        heldInit = in.readBoolean();
        spaces.restore(in);
        events.restore(in);
        virtualApic.restore(in);
        pauseLoops.restore(in);
        systemManagement.restore(in);
        if (guest) {
            controls.load(vmcs);
        }
        switchWorld();
        cpu.updatePending();
    }
}
