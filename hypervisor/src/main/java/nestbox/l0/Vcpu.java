package nestbox.l0;

import java.util.Map;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.EndOfRunException;
import nestbox.machine.Outcome;
import nestbox.mmu.core.GuestModel;
import nestbox.mmu.core.MmuVcpu;
import nestbox.mmu.core.NestedFault;
import nestbox.mmu.core.Request;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.engine.Execution;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.system.Boundary;

/**
 * One virtual processor: the run loop around a host processor of its own. The guest's registers live in {@link #guest}, the
 * processor object that the machine's board knows; what the silicon changed while it ran is fetched when somebody needs it.
 */
public final class Vcpu implements Execution {
    /** Entries after which {@link #run} lets the scheduler look in: a guest that exits all the time is slow. */
    private static final int ENTRIES_A_RUN = 1 << 12;

    /** Exits in a row in which no instruction of the guest retired: many more than any instruction has translations to fill. */
    private static final int FUTILE_EXITS = 1 << 16;

    private final Hypervisor hypervisor;
    private final Cpu guest;
    private final HostProcessor host;
    private final MmuVcpu mmu;
    private final VendorBackend backend;
    private final Emulator emulator;
    private final Injection injection;
    private final PendingRequests requests = new PendingRequests(this);
    private final Exit exit = new Exit();
    private final ExitHandler exitHandler;
    private final Judging judging = new Judging(this);
    /** What L0 emulates of VMX or SVM for the guest, or null. */
    private final Nesting nesting;

    /** Groups whose newest values are in {@link #guest}. */
    private int available = StateGroup.ALL;
    /** Groups that must go back to the control structure. */
    private int dirty = StateGroup.ALL;

    private final GuestEntry entry;
    private final ExitTally tally = new ExitTally();
    private boolean resetNeeded = true;
    /** The MMU is the reference MMU. */
    private final boolean reference;

    private final BorrowedTurn turn = new BorrowedTurn(this);
    /** Exits since the guest last retired an instruction. */
    private int futile;

    Vcpu(Hypervisor hypervisor, Cpu guest, HostProcessor host, ReferenceEngine emulating, GuestModel model) {
        this.hypervisor = hypervisor;
        this.guest = guest;
        this.host = host;
        mmu = new MmuVcpu(hypervisor.mmu(), new VcpuContext(this), model, requests);
        entry = new GuestEntry(this, host, requests);
        emulator = new Emulator(this, emulating);
        reference = hypervisor.config().reference();
        injection = new Injection(this);
        exitHandler = new ExitHandler(this);
        nesting = guest.extension instanceof Nesting nested ? nested : null;
        backend = hypervisor.backends().create(this, host);
    }

    public Hypervisor hypervisor() {
        return hypervisor;
    }

    public Cpu guest() {
        return guest;
    }

    public MmuVcpu mmu() {
        return mmu;
    }

    public VendorBackend backend() {
        return backend;
    }

    Nesting nesting() {
        return nesting;
    }

    /** L2 runs. */
    public boolean guestMode() {
        return nesting != null && nesting.guestMode();
    }

    /** The event in whose delivery the guest was left, or that the next entry is to inject. */
    public Event eventAgain() {
        return injection.again;
    }

    /** Drops every event that L0 has queued for the guest. */
    public void forgetEvents() {
        injection.reset();
    }

    Injection injection() {
        return injection;
    }

    /** The guest's registers were replaced because L1 and L2 change places, and another control structure is in use. */
    public void worldChanged() {
        registersReplaced();
        entry.forgetRoot();
    }

    /** The guest's registers that L1 and L2 have of their own were replaced; hardware keeps its root. */
    public void registersReplaced() {
        available |= StateGroup.SWITCHED;
        dirty |= StateGroup.SWITCHED;
    }

    BorrowedTurn borrowedTurn() {
        return turn;
    }

    Emulator emulator() {
        return emulator;
    }

    /** Length of the instruction at the guest's RIP, for silicon that does not tell; 0 if it cannot be fetched. */
    public int instructionLength() {
        return emulator.length();
    }

    void check(TlbLedger ledger) {
        judging.begin(ledger, host.cpu());
    }

    /** For those who tell a ledger what L1 invalidates. */
    public Judging judging() {
        return judging;
    }

    /** The host processor runs the guest now. */
    boolean running() {
        return entry.running();
    }

    @Override
    public Cpu cpu() {
        return guest;
    }

    @Override
    public long ticksInSlice() {
        return guest.ticksInSlice() + entry.ticks();
    }

    // ---- state ----------------------------------------------------------------------------------------------------

    /** Makes sure that {@link #guest} has the newest values of these groups. */
    public void need(int groups) {
        int missing = groups & ~available;
        if (missing != 0) {
            backend.fetch(missing);
            available |= missing;
        }
    }

    /** L0's copy of these groups counts no more, although it has not run since: what hardware holds does. */
    public void forget(int groups) {
        available &= ~groups;
    }

    /** L0 has the newest values of these groups. */
    public boolean has(int groups) {
        return (groups & ~available) == 0;
    }

    /** The control structure that is in use has these groups, and L0 has not. */
    public void leaveInHardware(int groups) {
        available &= ~groups;
        dirty &= ~groups;
    }

    /** As {@link #need}, and the groups will be changed. */
    public void take(int groups) {
        need(groups);
        dirty |= groups;
    }

    @Override
    public void settle() {
        need(StateGroup.ALL);
    }

    /** All of {@link #guest} was replaced: reset, INIT, a state from outside. */
    void stateReplaced() {
        available = StateGroup.ALL;
        dirty = StateGroup.ALL;
        resetNeeded = true;
        injection.reset();
        turn.forgetExit();
    }

    /** What the guest's processor, its extension and memory do not say, between two runs. */
    void save(StateWriter out) {
        turn.refuseToSave();
        out.section("vcpu").writeBoolean(resetNeeded).writeInt(futile);
        injection.save(out);
        requests.save(out);
        host.cpu().random.save(out);
        backend.save(out);
        mmu.save(out);
    }

    /** Reads it back; processor, extension and memory have been restored. Roots and translations are built anew. */
    void restore(StateReader in) {
        in.section("vcpu");
        resetNeeded = in.readBoolean();
        futile = in.readInt();
        backend.reset();
        available = StateGroup.ALL;
        dirty = StateGroup.ALL;
        injection.restore(in);
        requests.restore(in);
        host.cpu().random.restore(in);
        backend.restore(in);
        if (nesting != null) {
            nesting.resume();
        }
        mmu.restore(in);
        entry.reset();
        turn.forgetExit();
        requests.raise(Request.TLB_FLUSH);
    }

    /** KVM_GET_NESTED_STATE. */
    public NestedState nestedState() {
        need(StateGroup.ALL);
        return offered().nestedState();
    }

    /** KVM_SET_NESTED_STATE: after the registers, as their restoration forgets events. */
    public void setNestedState(NestedState state) {
        resetIfNeeded();
        offered().setNestedState(state);
        registersReplaced();
        entry.forgetRoot();
        noteDue();
    }

    private Nesting offered() {
        if (nesting == null) {
            throw new NestboxException("nested state", "the guest's CPU model has neither VMX nor SVM");
        }
        return nesting;
    }

    // ---- requests -------------------------------------------------------------------------------------------------

    /** Something must be done before the next entry. */
    public void raise(Request request) {
        requests.raise(request);
    }

    /** Hardware must be given its root again. */
    void forgetRoot() {
        entry.forgetRoot();
    }

    /** L1 and L2 are about to change places: flushes that are about the context that runs are served before. */
    public void serveLocalFlushes() {
        if (follows(NestedPolicy.TRANSITION_SERVE)) {
            requests.serveFlushes();
        }
    }

    /** The answer of the policies of nesting at a point of yes or no. */
    public boolean follows(NestedPolicy point) {
        return hypervisor.config().nested().applies(point);
    }

    // ---- the run loop ---------------------------------------------------------------------------------------------

    @Override
    public void run(long budget) {
        hypervisor.yields().refuseIfAbandoned();
        enterUntil(budget);
        noteDue();
    }

    /** The scheduler must come back to an inactive processor for what only nesting knows to wait. */
    private void noteDue() {
        boolean due = guest.activity != Cpu.ACTIVE && guestMode() && nesting.exitDue();
        if (due || guest.activity == Cpu.HALTED && guestMode() && nesting.wakesFromHalt()) {
            guest.pend(Cpu.PENDING_EXTENSION);
        }
    }

    private void enterUntil(long budget) {
        long end = guest.ticks + budget;
        for (int entries = 0; guest.ticks < end && entries < ENTRIES_A_RUN; entries++) {
            long before = guest.ticks;
            if (!once(end)) {
                return;
            }
            futile = guest.ticks == before ? futile + 1 : 0;
            if (futile > FUTILE_EXITS) {
                throw giveUp("KVM_EXIT_INTERNAL_ERROR: the guest makes no progress; its last exit was " + exit.name);
            }
            if (reference && guest.ticks != before) {
                mmu.instructionBoundary();
            }
        }
    }

    /** Serves what is due and enters the guest once; false if the processor cannot go on by itself. */
    private boolean once(long end) {
        if ((guest.pending & Cpu.PENDING_STOP) != 0) {
            guest.unpend(Cpu.PENDING_STOP);
            return false;
        }
        if (!turn.mayEnter()) {
            return false;
        }
        if (turn.takeExit()) {
            afterExit();
            return true;
        }
        if (signals()) {
            return guest.activity == Cpu.ACTIVE;
        }
        if (guest.activity != Cpu.ACTIVE && !wake()) {
            return false;
        }
        resetIfNeeded();
        if (!guestMode() && !backend.canRun()) {
            emulateOne();
            return true;
        }
        if ((guest.pending & Cpu.PENDING_DEBUG_TRAP) != 0) {
            need(StateGroup.BASIC);
            emulator.traps();
        }
        enterGuest(reference ? 1 : end - guest.ticks);
        return true;
    }

    private void resetIfNeeded() {
        if (resetNeeded) {
            resetNeeded = false;
            backend.reset();
            mmu.resetContext();
            raise(Request.TLB_FLUSH_GUEST);
            entry.forgetRoot();
        }
    }

    /** SMI, INIT and SIPI. */
    private boolean signals() {
        if ((guest.pending & (Cpu.PENDING_SMI | Cpu.PENDING_INIT | Cpu.PENDING_SIPI)) == 0) {
            return false;
        }
        take(StateGroup.ALL);
        boolean busy = injection.busy() || guestMode() && nesting.entryPending();
        boolean held = (guest.pending & Cpu.PENDING_SHADOW) != 0 && !guest.smm;
        if ((busy || held) && guest.activity == Cpu.ACTIVE) {
            leaveAtOnce();
            return false;
        }
        return Boundary.startOver(guest);
    }

    private boolean wake() {
        guest.unpend(Cpu.PENDING_EXTENSION);
        if (guestMode() && !eventsHeld() && injection.leavesL2()) {
            // The exit has told L1 of the inactive state.
            return guest.activity == Cpu.ACTIVE;
        }
        boolean wakes = switch (guest.activity) {
            case Cpu.HALTED ->
                injection.exceptionPending()
                        || injection.reinjects()
                        || (guest.pending & Cpu.PENDING_NMI) != 0 && !guest.nmiBlocked && !eventsHeld()
                        || guest.interruptLine() && interruptsOpen()
                        || guestMode() && nesting.wakesFromHalt();
            default -> false;
        };
        if (wakes) {
            guest.activity = Cpu.ACTIVE;
            guest.unpend(Cpu.PENDING_INACTIVE);
        }
        return wakes;
    }

    private boolean eventsHeld() {
        return nesting != null && nesting.eventsHeld();
    }

    /** Interrupts are open, as far as the interrupt flag and the extension decide. */
    boolean interruptsOpen() {
        boolean flag = (guest.systemFlags & Flags.IF) != 0;
        return guest.extension == null ? flag : guest.extension.interruptsOpen(guest, flag);
    }

    /** The silicon cannot run the guest's state (no unrestricted guest): events and instructions are emulated. */
    private void emulateOne() {
        take(StateGroup.ALL);
        guest.updatePending();
        hypervisor.counters().emulatedStates++;
        emulator.boundary();
    }

    private void enterGuest(long budget) {
        requests.serve();
        boolean wasNested = guestMode();
        injection.prepare();
        if (guestMode() != wasNested) {
            // An event has become an exit to L1: begin anew with its state.
            return;
        }
        entry.load();
        L0Trace.entry(this);
        backend.store(dirty);
        dirty = 0;
        entry.run(budget);
        available = 0;
        backend.decode(exit);
        entry.account(exit.kind);
        backend.vectoring(injection.again);
        tally.count(exit, guestMode(), hypervisor.counters());
        L0Trace.exit(this, exit);
        if (!turn.keeps(exit.kind)) {
            afterExit();
        }
    }

    /** Whether an entry is all that this vCPU needs to go on. */
    boolean entersWithoutEmulation() {
        return !reference && !resetNeeded && (guestMode() || backend.canRun());
    }

    /** Whether the next entry needs no more than these requests, and no event is due at it. */
    boolean staysInGuest(Set<Request> served) {
        boolean quiet = nesting == null
                || !nesting.eventsHeld() && (!guestMode() || !nesting.entryPending() && !nesting.exitDue());
        return quiet && !injection.busy() && requests.areAmong(served) && mmu.currentRoot() != null;
    }

    private void afterExit() {
        injection.left(exit);
        if (guestMode() && exit.kind != ExitKind.ENTRY_FAILED && nesting.reflect(exit)) {
            return;
        }
        injection.stays();
        exitHandler.handle(exit);
    }

    void addExitCounts(Map<String, Long> counts) {
        tally.addTo(counts);
    }

    void leaveAtOnce() {
        entry.leaveAtOnce();
    }

    /** The next entry ends where the silicon first takes an interrupt: in a shadow behind an instruction. */
    public void leaveBehindShadow() {
        entry.leaveBehindShadow();
    }

    /** L0 has a use for some of the guest's invalid opcodes now, so that #UD must exit. */
    public boolean needsInvalidOpcodes() {
        L0Config config = hypervisor.config();
        return guest.smm || config.forcedEmulation() || config.nested().applies(NestedPolicy.HYPERCALL_PATCH);
    }

    /** An instruction that L0 emulates for L2 has met a fault of EPT12 or NPT12; {@code errorCode} as an exit would have it. */
    public void nestedPageFault(NestedFault fault, long errorCode) {
        L0Trace.nestedPageFault(this, fault.address().value(), errorCode);
        nesting.reflect(fault);
    }

    /** KVM_EXIT_SHUTDOWN: the guest shuts down. */
    void tripleFault() {
        if (guestMode() && nesting.shutdown()) {
            return;
        }
        take(StateGroup.ALL);
        guest.activity = Cpu.SHUTDOWN;
        guest.pend(Cpu.PENDING_INACTIVE);
        guest.platform.shutdown(guest);
    }

    /** Ends the run as KVM's exit to userspace would end it. */
    public EndOfRunException giveUp(String reason) {
        need(StateGroup.ALL);
        return new EndOfRunException(new Outcome(Outcome.Kind.HYPERVISOR, 0, reason));
    }
}
