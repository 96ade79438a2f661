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

    Injection(Vcpu vcpu) {
        this.vcpu = vcpu;
        guest = vcpu.guest();
    }

    void reset() {
        again.clear();
        exception.clear();
    }

    void save(StateWriter out) {
        again.save(out);
        exception.save(out);
        out.writeLong(exceptionDetail);
    }

    void restore(StateReader in) {
        again.restore(in);
        exception.restore(in);
        exceptionDetail = in.readLong();
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
                reset();
                vcpu.tripleFault();
                return;
            }
            if (Exceptions.merges(before.vector, vector)) {
                reset();
                exception.set(EventInDelivery.EXCEPTION, Vector.DF, true, 0, 0);
                return;
            }
        }
        // An interrupt is lost, and the instruction of a software interrupt is restarted.
        again.clear();
        exception.set(EventInDelivery.EXCEPTION, vector, hasErrorCode, errorCode, 0);
        exceptionDetail = detail;
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
        boolean injected = true;
        if (again.isException() || again.active && !exception.active) {
            backend.inject(again);
            again.clear();
        } else if (exception.active) {
            report();
            backend.inject(exception);
            exception.clear();
            guest.ticks++;
        } else {
            injected = false;
        }
        boolean nmi = (guest.pending & Cpu.PENDING_NMI) != 0;
        boolean interrupt = guest.interruptLine();
        if (nesting != null && nesting.eventsHeld()) {
            backend.setNmiWindow(false);
            backend.setInterruptWindow(false);
            return;
        }
        if (vcpu.guestMode()) {
            if (injected || nesting.entryPending()) {
                if (nmi || interrupt || nesting.exitDue()) {
                    vcpu.leaveAtOnce();
                }
                injected = true;
            } else if (leavesL2()) {
                return;
            }
        }
        if (!injected && (nmi || interrupt)) {
            vcpu.need(StateGroup.BASIC);
            boolean shadow = guest.shadow != Cpu.SHADOW_NONE;
            if (nmi && !guest.nmiBlocked && !shadow) {
                nmi = false;
                guest.unpend(Cpu.PENDING_NMI);
                inject(EventInDelivery.NMI, Vector.NMI);
                injected = true;
            } else if (interrupt && !shadow && vcpu.interruptsOpen()) {
                int vector = guest.apic.acknowledge();
                if (vector >= 0) {
                    inject(EventInDelivery.EXTERNAL, vector);
                    injected = true;
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
        vcpu.backend().inject(chosen);
        guest.ticks++;
    }

    /** Registers that report an exception's cause. A fault pushes RF, which the processor leaves to who injects it. */
    private void report() {
        L0Trace.exception(vcpu, exception);
        if (exception.vector != Vector.DB && exception.vector != Vector.DF) {
            vcpu.take(StateGroup.BASIC);
            guest.setSystemFlags(guest.systemFlags | Flags.RF);
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
