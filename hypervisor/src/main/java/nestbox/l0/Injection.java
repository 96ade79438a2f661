package nestbox.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/**
 * Events that L0 has for its guest: the one that an exit interrupted, an exception that L0 raised, NMIs and interrupts of the
 * guest's APIC, in KVM's order (SDM Vol. 3, "Event Injection"; APM Vol. 2, "Event Injection").
 */
final class Injection {
    private static final long DR6_HITS = 0xf;
    private static final long DR7_GD = 1 << 13;
    private static final long DEBUGCTL_BTF = 2;

    private final Vcpu vcpu;
    private final Cpu guest;
    /** Was being delivered when the guest was left. */
    final Event again = new Event();

    private final Event exception = new Event();
    private long exceptionDetail;
    private final Event chosen = new Event();
    /** What the last entry injected, and RF at it. */
    private final Event injected = new Event();

    private boolean resume;
    /** L0 set RF for its exception, which is not delivered yet. */
    private boolean marked;

    Injection(Vcpu vcpu) {
        this.vcpu = vcpu;
        guest = vcpu.guest();
    }

    void reset() {
        again.clear();
        exception.clear();
        injected.clear();
        marked = false;
    }

    void save(StateWriter out) {
        again.save(out);
        exception.save(out);
        out.writeLong(exceptionDetail).writeBoolean(marked);
    }

    void restore(StateReader in) {
        again.restore(in);
        exception.restore(in);
        exceptionDetail = in.readLong();
        marked = in.readBoolean();
    }

    /** An event awaits injection again. */
    boolean reinjects() {
        return again.active;
    }

    boolean exceptionPending() {
        return exception.active;
    }

    /**
     * Queues an exception; with one that was being delivered it may become #DF or a triple fault.
     *
     * @param detail CR2 of #PF, DR6 bits of #DB
     */
    void raise(int vector, boolean hasErrorCode, long errorCode, long detail) {
        if (vcpu.guestMode() && vcpu.nesting().reflectException(vector, hasErrorCode, errorCode, detail)) {
            return;
        }
        Event before = exception.active ? exception : again.isException() ? again : null;
        if (before != null) {
            if (vector == Vector.PF) {
                // CR2 follows every #PF, even one that becomes something else.
                guest.cr2 = detail;
            }
            if (before.vector == Vector.DF && Exceptions.isContributory(vector)) {
                unmark();
                reset();
                vcpu.tripleFault();
                return;
            }
            if (Exceptions.merges(before.vector, vector)) {
                doubleFault(before);
                return;
            }
        }
        // An interrupt is lost, and the instruction of a software interrupt is restarted.
        unmark();
        again.clear();
        exception.set(EventInDelivery.EXCEPTION, vector, hasErrorCode, errorCode, 0);
        exceptionDetail = detail;
    }

    private void doubleFault(Event first) {
        unmark();
        if (first == exception) {
            again.set(first.type, first.vector, first.hasErrorCode, first.errorCode, first.length);
            exception.clear();
        }
        if (vcpu.guestMode() && vcpu.nesting().reflectException(Vector.DF, true, 0, 0)) {
            return;
        }
        again.clear();
        exception.set(EventInDelivery.EXCEPTION, Vector.DF, true, 0, 0);
    }

    /** The guest was left, by what may end the delivery of L0's exception: no fault is delivered any more, and RF is as before. */
    void left(Exit exit) {
        boolean doubleFault = exit.kind == ExitKind.EXCEPTION && exit.vector == Vector.DF;
        if (marked && (doubleFault || exit.kind == ExitKind.TRIPLE_FAULT)) {
            unmark();
        }
        marked &= again.active;
    }

    /**
     * L0 handles the exit. An exception in the delivery of another event has saved RF as it would have pushed it itself, and the event
     * must push, when it is injected again, what it would have (SDM Vol. 3, "Saving RIP, RSP, RFLAGS, and SSP").
     */
    void stays() {
        if (again.active) {
            boolean same =
                    injected.active && again.vector == injected.vector && again.isException() == injected.isException();
            setResume(same ? resume : again.isException() && Exceptions.isFault(again.vector));
        }
    }

    private void unmark() {
        if (marked) {
            setResume(false);
            marked = false;
        }
    }

    private void setResume(boolean on) {
        vcpu.need(StateGroup.BASIC);
        if (on != ((guest.systemFlags & Flags.RF) != 0)) {
            vcpu.take(StateGroup.BASIC);
            guest.setSystemFlags(guest.systemFlags ^ Flags.RF);
        }
    }

    /** The event that is due first, for a guest whose events are emulated; null without one. */
    Event takeForEmulation() {
        Event from = again.isException() || again.active && !exception.active ? again : exception;
        if (!from.active) {
            return null;
        }
        if (from == exception) {
            report();
        }
        chosen.set(from.type, from.vector, from.hasErrorCode, from.errorCode, from.length);
        from.clear();
        return chosen;
    }

    /** Injects what comes first and asks for windows for the rest. */
    void prepare() {
        VendorBackend backend = vcpu.backend();
        Nesting nesting = vcpu.nesting();
        boolean taken = true;
        if (again.isException() || again.active && !exception.active) {
            give(again);
            again.clear();
        } else if (exception.active) {
            report();
            give(exception);
            exception.clear();
            guest.ticks++;
        } else {
            injected.clear();
            taken = false;
        }
        boolean nmi = (guest.pending & Cpu.PENDING_NMI) != 0;
        boolean interrupt = guest.interruptLine();
        if (nesting != null && nesting.eventsHeld()) {
            backend.setNmiWindow(false);
            backend.setInterruptWindow(false);
            return;
        }
        if (vcpu.guestMode()) {
            if (taken || nesting.entryPending()) {
                if (nmi || interrupt || nesting.exitDue()) {
                    vcpu.leaveAtOnce();
                }
                taken = true;
            } else if (leavesL2()) {
                return;
            }
        }
        if (!taken && (nmi || interrupt)) {
            vcpu.need(StateGroup.BASIC);
            boolean shadow = guest.shadow != Cpu.SHADOW_NONE;
            if (nmi && !guest.nmiBlocked && !shadow) {
                nmi = false;
                guest.unpend(Cpu.PENDING_NMI);
                inject(EventInDelivery.NMI, Vector.NMI);
                taken = true;
            } else if (interrupt && !shadow && vcpu.interruptsOpen()) {
                int vector = guest.apic.acknowledge();
                if (vector >= 0) {
                    inject(EventInDelivery.EXTERNAL, vector);
                    taken = true;
                }
                interrupt = guest.interruptLine();
            }
        }
        backend.setNmiWindow(nmi);
        backend.setInterruptWindow(interrupt);
    }

    /** Lets what waits become an exit of L2, in the order of priority; true if there was one. */
    boolean leavesL2() {
        Nesting nesting = vcpu.nesting();
        if (nesting.exitDue()) {
            nesting.takeExit();
            return true;
        }
        boolean nmi = (guest.pending & Cpu.PENDING_NMI) != 0;
        return nmi && nesting.nmi() || guest.interruptLine() && nesting.interrupt();
    }

    /** Something is on its way into the guest: what would leave L2 must wait. */
    boolean busy() {
        return again.active || exception.active;
    }

    private void inject(int type, int vector) {
        chosen.set(type, vector, false, 0, 0);
        L0Trace.injected(vcpu, type, vector);
        L0Counters counters = vcpu.hypervisor().counters();
        if (type == EventInDelivery.NMI) {
            counters.nmiInjections++;
            vcpu.backend().nmiTaken();
        } else {
            counters.irqInjections++;
        }
        give(chosen);
        guest.ticks++;
    }

    private void give(Event event) {
        vcpu.need(StateGroup.BASIC);
        resume = (guest.systemFlags & Flags.RF) != 0;
        injected.set(event.type, event.vector, event.hasErrorCode, event.errorCode, event.length);
        vcpu.backend().inject(event);
    }

    /** Registers that report an exception's cause. A fault pushes RF, which the processor leaves to who injects it. */
    private void report() {
        L0Trace.exception(vcpu, exception);
        if (Exceptions.isFault(exception.vector)) {
            vcpu.need(StateGroup.BASIC);
            marked = (guest.systemFlags & Flags.RF) == 0;
            setResume(true);
        }
        if (exception.vector == Vector.PF) {
            guest.cr2 = exceptionDetail;
        } else if (exception.vector == Vector.DB) {
            guest.dr[6] = guest.dr[6] & ~DR6_HITS | exceptionDetail;
            guest.dr[7] &= ~DR7_GD;
            guest.debugCtl &= ~(DEBUGCTL_BTF | Cpu.DEBUGCTL_LBR);
            guest.updatePending();
        }
    }
}
