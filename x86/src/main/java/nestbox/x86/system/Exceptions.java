package nestbox.x86.system;

import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/**
 * The funnel through which every exception and interrupt goes: merging into double and triple faults, CR2 and DR6, and the
 * hooks of a {@link nestbox.x86.VirtualizationExtension} (SDM Vol. 3, "Interrupt and Exception Handling"). What the IDT says is
 * {@link Delivery}'s.
 */
public final class Exceptions {
    private static final int CONTRIBUTORY =
            1 << Vector.DE | 1 << Vector.TS | 1 << Vector.NP | 1 << Vector.SS | 1 << Vector.GP | 1 << Vector.CP;
    /** Debug exceptions, NMI, traps and aborts. */
    private static final int NO_FAULTS =
            1 << Vector.DB | 1 << Vector.NMI | 1 << Vector.BP | 1 << Vector.OF | 1 << Vector.DF | 1 << Vector.MC;

    private static final int PAGE_FAULTS = 1 << Vector.PF | 1 << Vector.VE;
    private static final int WITH_EXT = 1 << Vector.TS | 1 << Vector.NP | 1 << Vector.SS | 1 << Vector.GP;
    private static final int ERROR_CODES = WITH_EXT | 1 << Vector.DF | 1 << Vector.PF | 1 << Vector.AC | 1 << Vector.CP;

    /** DR6 bits 3:0. */
    static final long DR6_HITS = 0xf;
    /** DR6.BD: access to a debug register with DR7.GD set. */
    static final long DR6_BD = 1 << 13;
    /** DR6.BS: single step. */
    static final long DR6_BS = 1 << 14;
    /** DR6.BT: task switch. */
    static final long DR6_BT = 1 << 15;

    private static final long DR7_GD = 1 << 13;
    /** So many exceptions one inside the other never end: a processor hangs, and only RESET gets it going. */
    private static final int ENDLESS = 1 << 20;

    private static final long DEBUGCTL_BTF = 2;

    private Exceptions() {}

    /** Whether exception {@code vector} pushes an error code in protected mode. */
    public static boolean hasErrorCode(int vector) {
        return vector < 32 && (ERROR_CODES >>> vector & 1) != 0;
    }

    /** Delivers {@code cpu.fault} of the instruction that RIP is at, with double and triple faults as the manual has them. */
    public static void deliverFault(Cpu c) {
        if (c.shadow != Cpu.SHADOW_MOV_SS) {
            // Data breakpoints that the faulting instruction met before it faulted; it will meet them again.
            c.pendingDebug = 0;
            c.unpend(Cpu.PENDING_DEBUG_TRAP);
        }
        deliverRaised(c);
        c.shadow = Cpu.SHADOW_NONE;
    }

    /** As {@link #deliverFault} with the pending debug traps kept. */
    static void deliverRaised(Cpu c) {
        GuestFault f = c.fault;
        if (f.vector == Vector.EXTENSION) {
            c.event.active = c.event.interrupted;
            c.event.interrupted = false;
            c.extension.unwound(c);
            c.event.active = false;
            return;
        }
        // All faults but those of instruction breakpoints push RF set, so that the restarted instruction does not hit
        // one again.
        boolean breakpoint = f.vector == Vector.DB && (f.detail & DR6_BD) == 0;
        exception(c, f.vector, EventInDelivery.EXCEPTION, f.hasErrorCode, f.errorCode, f.detail, !breakpoint);
    }

    /** Delivers the debug traps of the instruction before RIP. */
    static void debugTrap(Cpu c, long dr6) {
        exception(c, Vector.DB, EventInDelivery.EXCEPTION, false, 0, dr6, false);
    }

    /** Delivers an NMI. */
    static void nmi(Cpu c) {
        c.nmiBlocked = true;
        deliver(c, Vector.NMI, EventInDelivery.NMI, false, 0, false);
    }

    static void externalInterrupt(Cpu c, int vector) {
        deliver(c, vector, EventInDelivery.EXTERNAL, false, 0, false);
    }

    /**
     * An exception as it is raised outside the delivery of another: asks the extension, then delivers.
     *
     * @param detail CR2 of a #PF, the DR6 bits of a #DB
     * @param resume RF is set in the pushed flags
     */
    public static void exception(
            Cpu c, int vector, int type, boolean hasError, long error, long detail, boolean resume) {
        c.event.active = c.event.interrupted;
        c.event.interrupted = false;
        boolean taken = c.extension != null && c.extension.exception(c, vector, hasError, error, detail);
        c.event.active = false;
        if (!taken) {
            latch(c, vector, detail);
            deliver(c, vector, type, hasError, error, resume);
        }
    }

    /**
     * Delivers an event through the IVT or IDT: the door for event injection too. Faults on the way are delivered in its stead,
     * become #DF, or shut the processor down.
     *
     * @param type one of {@link EventInDelivery}'s types; RIP must already be what is pushed
     */
    public static void deliver(Cpu c, int vector, int type, boolean hasError, long error, boolean resume) {
        deliver(c, vector, type, hasError, error, resume, 0);
    }

    /**
     * Delivers an event that a hypervisor injects. A software interrupt or exception pushes the RIP behind its instruction, of
     * {@code length} bytes; what goes wrong on the way is the instruction's.
     */
    public static void inject(Cpu c, int vector, int type, boolean hasError, long error, int length) {
        c.rip = c.wrapRip(c.rip + length);
        deliver(c, vector, type, hasError, error, false, length);
    }

    /** As {@link #inject}, but what goes wrong on the way is thrown, with the processor as it was before. */
    public static void attempt(Cpu c, int vector, int type, boolean hasError, long error, int length) {
        c.monitorArmed = false;
        long start = c.rip;
        c.rip = c.wrapRip(start + length);
        c.event.set(vector, type, hasError, error);
        c.event.length = length;
        Tracing.delivery(c, vector, type, hasError ? error : 0);
        boolean done = false;
        try {
            Delivery.deliver(c, vector, type, hasError, error, false);
            done = true;
        } finally {
            c.event.active = false;
            if (!done) {
                c.rip = start;
            }
        }
    }

    private static void deliver(
            Cpu c, int vector, int type, boolean hasError, long error, boolean resume, int instructionLength) {
        c.monitorArmed = false;
        int length = instructionLength;
        int v = vector;
        int t = type;
        boolean withError = hasError;
        long code = error;
        boolean rf = resume;
        for (int deliveries = 0; ; deliveries++) {
            if (deliveries > ENDLESS) {
                throw new UnsupportedFeatureException("endless delivery", "vector " + v + " raises itself");
            }
            c.event.set(v, t, withError, code);
            c.event.resume = rf;
            c.event.length = length;
            Tracing.delivery(c, v, t, withError ? code : 0);
            try {
                long from = c.rip;
                Delivery.deliver(c, v, t, withError, code, rf);
                if ((c.debugCtl & Cpu.DEBUGCTL_LBR) != 0) {
                    c.lastBranch[2] = from;
                    c.lastBranch[3] = c.rip;
                }
                c.event.active = false;
                return;
            } catch (GuestFault f) {
                if (length != 0) {
                    c.rip = c.wrapRip(c.rip - length);
                    length = 0;
                }
                if (f.vector == Vector.EXTENSION) {
                    c.extension.unwound(c);
                    c.event.active = false;
                    return;
                }
                if (c.extension != null && c.extension.noInstruction(c, deliveries)) {
                    c.event.active = false;
                    return;
                }
                int second = f.vector;
                withError = f.hasErrorCode;
                code = f.errorCode | ext(c.event, second);
                long detail = f.detail;
                if (c.extension != null && c.extension.exception(c, second, withError, code, detail)) {
                    c.event.active = false;
                    return;
                }
                latch(c, second, detail);
                boolean nested = t == EventInDelivery.EXCEPTION;
                if (nested && v == Vector.DF && bad(second)) {
                    shutdown(c);
                    return;
                }
                if (nested && merges(v, second)) {
                    second = Vector.DF;
                    withError = true;
                    code = 0;
                    if (c.extension != null && c.extension.exception(c, second, true, 0, 0)) {
                        c.event.active = false;
                        return;
                    }
                }
                v = second;
                t = EventInDelivery.EXCEPTION;
                rf = isFault(second);
            }
        }
    }

    /**
     * INT n, INT3, INTO and INT1: a fault on the way is the instruction's own, so it leaves as such. RIP is behind the
     * instruction.
     */
    static void software(Cpu c, Insn in, int vector, int type) {
        c.event.set(vector, type, false, 0);
        c.event.length = in.length;
        c.noStepTrap = true;
        if (c.extension != null) {
            c.event.active = false;
            boolean taken = type == EventInDelivery.SOFTWARE_INTERRUPT
                    ? c.extension.softwareInterrupt(c, in, vector)
                    : c.extension.softwareException(c, in, vector, type);
            if (taken) {
                return;
            }
            c.event.active = true;
        }
        if (type == EventInDelivery.PRIVILEGED_EXCEPTION) {
            latch(c, Vector.DB, 0);
        }
        Tracing.delivery(c, vector, type, 0);
        try {
            Delivery.deliver(c, vector, type, false, 0, false);
        } catch (GuestFault f) {
            f.errorCode |= ext(c.event, f.vector);
            c.event.interrupted = true;
            throw f;
        } finally {
            c.event.active = false;
        }
    }

    /** Shuts the processor down until a reset, INIT or NMI, unless the extension leaves the guest instead. */
    public static void shutdown(Cpu c) {
        c.event.active = false;
        if (c.extension != null && c.extension.tripleFault(c)) {
            return;
        }
        c.activity = Cpu.SHUTDOWN;
        c.pend(Cpu.PENDING_INACTIVE);
        Tracing.activity(c);
        c.platform.shutdown(c);
    }

    /** SDM Vol. 3, "Error Code": EXT is set for events outside the program, and not for software interrupts. */
    private static long ext(EventInDelivery event, int vector) {
        return vector < 32 && (WITH_EXT >>> vector & 1) != 0 && !event.software() ? 1 : 0;
    }

    /** Whether a fault of this kind in the delivery of #DF shuts the processor down. */
    public static boolean isContributory(int vector) {
        return bad(vector);
    }

    private static boolean bad(int vector) {
        return (1 << vector & (CONTRIBUTORY | PAGE_FAULTS)) != 0;
    }

    /** Whether a second exception becomes #DF (SDM Vol. 3, "Conditions for Generating a Double Fault"). */
    public static boolean merges(int first, int second) {
        if ((1 << first & CONTRIBUTORY) != 0) {
            return (1 << second & CONTRIBUTORY) != 0;
        }
        return (1 << first & PAGE_FAULTS) != 0 && bad(second);
    }

    /**
     * Registers that report the cause. CR2 follows every #PF, even one that becomes #DF (note in SDM Vol. 3, "Page-Fault
     * Exception").
     */
    private static void latch(Cpu c, int vector, long detail) {
        if (vector == Vector.PF) {
            c.cr2 = detail;
        } else if (vector == Vector.DB) {
            // Debug traps that a load of SS held back go with this one.
            c.dr[6] = c.dr[6] & ~DR6_HITS | detail | c.pendingDebug;
            c.pendingDebug = 0;
            c.unpend(Cpu.PENDING_DEBUG_TRAP);
            c.dr[7] &= ~DR7_GD;
            c.debugCtl &= ~(DEBUGCTL_BTF | Cpu.DEBUGCTL_LBR);
            c.updatePending();
        }
    }

    /** Whether an exception pushes RF set: faults but #DB, not the abort #DF (SDM Vol. 3, "Instruction-Breakpoint Exception Condition"). */
    public static boolean isFault(int vector) {
        return (1 << vector & NO_FAULTS) == 0;
    }

    /** The flags that an event pushes. */
    static long pushedFlags(Cpu c, boolean resume) {
        return resume ? c.rflags() | Flags.RF : c.rflags();
    }
}
