package nestbox.svm.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.svm.check.CheckContext;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.svm.world.GuestState;
import nestbox.svm.world.LastBranches;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.SecondStage;
import nestbox.x86.mem.TranslationControl;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;
import nestbox.x86.system.MsrTable;

/** VMRUN and #VMEXIT (APM Vol. 2, "VMRUN Instruction", "#VMEXIT"). */
final class WorldSwitch implements CheckContext, Stateful {
    private static final int FLUSH_ALL = 1;
    private static final int FLUSH_GUEST = 3;
    private static final int FLUSH_GUEST_NON_GLOBAL = 7;
    private static final long SINGLE_STEP = 1 << 14;
    private static final int MOST_BYTES = 15;
    private static final int PAGE_OFFSET = 0xfff;
    private static final long DOUBLE_FAULT = ExitCode.EXCP.code() + Vector.DF;
    private static final long PAGE_FAULT = ExitCode.EXCP.code() + Vector.PF;

    private final Svm svm;
    private final Cpu cpu;
    /** Bits that the model has: asked for at the first VMRUN, when SVM cannot be disabled. */
    private long cr4Bits;

    private long eferBits;
    /** VMRUN was executed with RFLAGS.TF set: the trap comes after #VMEXIT. */
    private boolean hostTrap;
    /** Code bytes are being read for the VMCB: what that meets is no fault of the guest. */
    private boolean reading;

    WorldSwitch(Svm svm) {
        this.svm = svm;
        this.cpu = svm.cpu;
    }

    @Override
    public void save(StateWriter out) {
        out.writeBoolean(hostTrap);
    }

    @Override
    public void restore(StateReader in) {
        hostTrap = in.readBoolean();
    }

    /** VMRUN with the VMCB attached, after its own faults. */
    void run() {
        Cpu c = cpu;
        svm.source = svm.held == null ? svm.vmcb : svm.held.source(svm.vmcb);
        if (VmrunChecks.first(this) != null) {
            traceFailures(c);
            invalid();
            return;
        }
        Vmcb from = svm.source;
        if (svm.held != null) {
            svm.held.loaded(from);
        }
        Controls k = svm.controls;
        k.load(from);
        limitControls(k);
        svm.host.save(c);
        hostTrap = (c.systemFlags & Flags.TF) != 0;
        SecondStage stage = svm.nested() ? svm.nestedPaging.prepare(c) : null;
        TranslationControl control = c.mem.port().control();
        int flush = (int) from.get(VmcbField.TLB_CONTROL);
        flush(control, flush, k.asid);
        GuestState.load(c, from);
        if (svm.shadowStacks) {
            GuestState.loadShadowStack(c, from);
        }
        if (stage != null) {
            c.pat = from.get(VmcbField.G_PAT);
        }
        if (k.lbr && svm.capability.lbrv()) {
            LastBranches.enter(c, svm.host, from);
        }
        if (c.trace.on) {
            c.trace.emit(
                    SvmTrace.VMRUN, from.address(), c.rip, k.asid & 0xffffffffL, flush, from.get(VmcbField.EVENTINJ));
        }
        svm.guest = true;
        c.switchWorlds();
        control.enterSpace(k.asid & 0xffffffffL, stage);
        c.updateMode();
        svm.gif = true;
        clearPending(c);
        c.noStepTrap = true;
        svm.setGif(true);
        svm.virtualEventsChanged();
        // The checks read the same table; only a closed A20 gate makes it another.
        if (ControlRegisters.paePaging(c) && !control.loadPdptes(c.cr3)) {
            backToHost(c);
            invalid();
            return;
        }
        enter(c);
    }

    /** Every check that fails, for whoever listens. */
    private void traceFailures(Cpu c) {
        if (c.trace.on) {
            VmrunChecks.all(this).forEach(check -> SvmTrace.failed(c, check, svm.vmcb.address()));
        }
    }

    private void limitControls(Controls k) {
        if (!svm.capability.vgif()) {
            k.withoutVirtualGif();
        }
        if (!svm.capability.vnmi()) {
            k.withoutVirtualNmi();
        }
    }

    /** Encodings that the model lacks are reserved and do nothing. */
    private void flush(TranslationControl control, int what, int asid) {
        if (what == FLUSH_ALL) {
            control.dropEverything();
        } else if (svm.capability.flushByAsid() && (what == FLUSH_GUEST || what == FLUSH_GUEST_NON_GLOBAL)) {
            control.dropSpace(asid & 0xffffffffL, what == FLUSH_GUEST);
        }
    }

    private static void clearPending(Cpu c) {
        c.pendingDebug = 0;
        c.shadow = Cpu.SHADOW_NONE;
        c.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
    }

    /** The last step into the guest: its interrupt shadow, or the event that is injected. */
    private void enter(Cpu c) {
        long event = svm.source.get(VmcbField.EVENTINJ);
        if (EventInfo.valid(event)) {
            inject(c, event);
        } else if ((svm.source.get(VmcbField.INTERRUPT_SHADOW) & 1) != 0) {
            c.shadow = Cpu.SHADOW_STI;
            c.pend(Cpu.PENDING_SHADOW);
        }
    }

    /** Delivers an event before the first instruction; it is not subject to intercepts, but what goes wrong on the way is. */
    private void inject(Cpu c, long event) {
        int vector = EventInfo.vector(event);
        int type = EventInfo.type(event);
        boolean trap = type == EventInfo.EXCEPTION && (vector == Vector.BP || vector == Vector.OF);
        if (type == EventInfo.NMI) {
            vector = Vector.NMI;
            if (svm.controls.virtualNmiEnabled()) {
                svm.controls.takeVirtualNmi();
            }
        }
        boolean hasError = EventInfo.hasErrorCode(event) && type == EventInfo.EXCEPTION;
        int length = 0;
        if (svm.capability.nrip() && (trap || type == EventInfo.SOFTWARE_INTERRUPT)) {
            long next = svm.source.get(VmcbField.NRIP);
            length = (int) (next - c.rip);
            if (length != next - c.rip) {
                // No instruction is that long; the handler's frame still gets NRIP.
                c.rip = next;
                length = 0;
            }
        }
        // As of INT3 and INTO, whose gate must be open to the CPL.
        int as = trap ? EventInDelivery.SOFTWARE_EXCEPTION : type;
        Exceptions.inject(c, vector, as, hasError, EventInfo.errorCode(event), length);
    }

    /** #VMEXIT(INVALID): nothing of the guest was loaded. */
    private void invalid() {
        if (svm.held != null) {
            svm.held.failed(svm.vmcb.address());
        }
        if (cpu.trace.on) {
            SvmTrace.exit(cpu, ExitCode.INVALID.code(), 0, 0, 0, svm.source.get(VmcbField.RIP));
        }
        svm.vmcb.set(VmcbField.EXITCODE, ExitCode.INVALID.code());
        svm.vmcb.set(VmcbField.EXITINFO1, 0);
        svm.vmcb.set(VmcbField.EXITINFO2, 0);
        svm.vmcb.set(VmcbField.EXITINTINFO, 0);
        svm.vmcb.commit();
        svm.setGif(false);
        cpu.blockLimit = 0;
        cpu.guestLeft();
    }

    /** #VMEXIT at an intercepted instruction, which RIP is behind. */
    void exitInstruction(Cpu c, Insn in, long code, long info1, long info2) {
        exit(code, info1, info2, c.wrapRip(c.rip - in.length), c.rip);
    }

    /**
     * #VMEXIT.
     *
     * @param rip what the VMCB gets as RIP
     * @param next what it gets as NRIP, 0 for an exit that is no instruction's
     */
    void exit(long code, long info1, long info2, long rip, long next) {
        Cpu c = cpu;
        svm.vmcb.reattach();
        if (c.event.active && c.event.type == EventInDelivery.NMI && svm.controls.virtualNmiEnabled()) {
            svm.controls.unmaskVirtualNmi();
        }
        if (c.event.active && c.event.resume && code != DOUBLE_FAULT) {
            // What was in delivery would have pushed RF, and does when it is injected again; #DF takes its place.
            c.systemFlags |= Flags.RF;
        }
        storeCleanable(c, svm.vmcb);
        if (svm.held != null) {
            storeCleanable(c, svm.held.current());
        }
        svm.vmcb.set(VmcbField.RIP, rip);
        if (svm.capability.nrip()) {
            svm.vmcb.set(VmcbField.NRIP, next);
        }
        boolean shadow = (c.pending & Cpu.PENDING_SHADOW) != 0 || c.shadow != Cpu.SHADOW_NONE;
        svm.vmcb.set(VmcbField.INTERRUPT_SHADOW, shadow ? 1 : 0);
        svm.vmcb.set(VmcbField.EXITCODE, code);
        svm.vmcb.set(VmcbField.EXITINFO1, info1);
        svm.vmcb.set(VmcbField.EXITINFO2, info2);
        if (svm.capability.decodeAssists() && code != ExitCode.NPF.code() && code != PAGE_FAULT) {
            svm.vmcb.set(VmcbField.BYTES_FETCHED, 0);
        }
        long interrupted = interrupted(c);
        svm.vmcb.set(VmcbField.EXITINTINFO, interrupted);
        svm.vmcb.set(VmcbField.EVENTINJ, svm.vmcb.get(VmcbField.EVENTINJ) & ~EventInfo.VALID);
        svm.vmcb.commit();
        if (c.trace.on) {
            SvmTrace.exit(c, code, info1, info2, interrupted, rip);
        }
        backToHost(c);
    }

    /** What #VMEXIT stores and a clean bit may cover. */
    private void storeCleanable(Cpu c, Vmcb to) {
        GuestState.store(c, to);
        if (svm.shadowStacks) {
            GuestState.storeShadowStack(c, to);
        }
        if (svm.nested()) {
            to.set(VmcbField.G_PAT, c.pat);
        }
        if (svm.controls.lbr && svm.capability.lbrv()) {
            LastBranches.store(c, to);
        }
        svm.controls.store(to);
    }

    private static long interrupted(Cpu c) {
        EventInDelivery e = c.event;
        if (!e.active) {
            return 0;
        }
        int type = e.type;
        if (type == EventInDelivery.SOFTWARE_EXCEPTION || type == EventInDelivery.PRIVILEGED_EXCEPTION) {
            type = EventInfo.EXCEPTION;
        }
        return EventInfo.of(e.vector, type, e.hasErrorCode, e.errorCode & 0xffffffffL);
    }

    private void backToHost(Cpu c) {
        if (svm.controls.lbr && svm.capability.lbrv()) {
            LastBranches.leave(c, svm.host);
        }
        svm.guest = false;
        c.switchWorlds();
        svm.gif = false;
        svm.host.restore(c);
        if (svm.nested()) {
            c.pat = svm.host.pat;
        }
        clearPending(c);
        c.activity = Cpu.ACTIVE;
        c.unpend(Cpu.PENDING_INACTIVE | Cpu.PENDING_EXTENSION);
        c.noStepTrap = true;
        c.mem.port().control().enterSpace(0, null);
        c.updateMode();
        if (ControlRegisters.paePaging(c) && !c.mem.port().control().loadPdptes(c.cr3)) {
            Exceptions.shutdown(c);
        }
        c.updatePending();
        if (hostTrap) {
            hostTrap = false;
            c.pendingDebug |= SINGLE_STEP;
            c.pend(Cpu.PENDING_DEBUG_TRAP);
        }
        c.guestLeft();
    }

    /**
     * Stores the bytes of the instruction at RIP, as far as they can be fetched; none for a fault of the fetch itself. A page behind the
     * instruction is left alone: a walk would set accessed flags of entries that the guest has not used.
     */
    void saveInstructionBytes(Cpu c, boolean fetchFaulted) {
        if (!svm.capability.decodeAssists()) {
            return;
        }
        svm.vmcb.reattach();
        int count = 0;
        if (!fetchFaulted && !reading) {
            reading = true;
            int vector = c.fault.vector;
            long code = c.fault.errorCode;
            boolean hasCode = c.fault.hasErrorCode;
            long detail = c.fault.detail;
            try {
                while (count < MOST_BYTES) {
                    long at = c.wrapCode(c.codeLinear(), count);
                    if ((at & PAGE_OFFSET) == 0 && count != 0 && count >= c.faultLength) {
                        break;
                    }
                    int value = c.mem.port().codeByte(c.mem.fetch(at));
                    svm.vmcb.set(VmcbField.INSTRUCTION_BYTES.offset() + count, 1, value);
                    count++;
                }
            } catch (GuestFault beyond) {
                // The page behind cannot be fetched: the processor has the bytes before it.
                c.fault.vector = vector;
                c.fault.errorCode = code;
                c.fault.hasErrorCode = hasCode;
                c.fault.detail = detail;
            }
            reading = false;
        }
        svm.vmcb.set(VmcbField.BYTES_FETCHED, count);
        svm.vmcb.commit();
    }

    @Override
    public long get(VmcbField field) {
        return svm.source.get(field);
    }

    @Override
    public int attributes(VmcbSegment segment) {
        return svm.source.attributes(segment);
    }

    @Override
    public CpuFeatures features() {
        return cpu.features;
    }

    @Override
    public long cr4Bits() {
        if (cr4Bits == 0) {
            cr4Bits = ControlRegisters.cr4Mask(cpu);
        }
        return cr4Bits;
    }

    @Override
    public long eferBits() {
        if (eferBits == 0) {
            eferBits = ControlRegisters.eferMask(cpu);
        }
        return eferBits;
    }

    @Override
    public long shadowStackBits() {
        return MsrTable.cetBits(cpu.features);
    }

    @Override
    public long userShadowStack() {
        return cpu.userCet;
    }

    @Override
    public boolean hostPaging() {
        return (cpu.cr0 & Cpu.CR0_PG) != 0;
    }

    @Override
    public boolean hostLongMode() {
        return cpu.longMode();
    }

    @Override
    public long readPhysical(long address, int bytes) {
        return cpu.physical.read(address, bytes);
    }
}
