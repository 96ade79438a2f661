package nestbox.x86.system;

import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceEvents;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Vector;

/** The processor's trace events. Nothing happens unless somebody listens. */
final class Tracing {
    private Tracing() {}

    /** An event on its way through the interrupt table; RIP is what it pushes. */
    static void delivery(Cpu c, int vector, int type, long error) {
        Trace trace = c.trace;
        if (!trace.on) {
            return;
        }
        switch (type) {
            case EventInDelivery.EXTERNAL, EventInDelivery.NMI -> trace.emit(TraceEvents.INTERRUPT, vector, c.rip);
            case EventInDelivery.EXCEPTION ->
                trace.emit(TraceEvents.EXCEPTION, vector, error, c.rip, vector == Vector.PF ? c.cr2 : 0);
            default -> trace.emit(TraceEvents.SOFTWARE_INTERRUPT, vector, c.rip);
        }
    }

    static void controlRegister(Cpu c, int register, long value) {
        if (c.trace.on) {
            c.trace.emit(TraceEvents.CR_WRITE, register, value);
        }
    }

    static void controlRead(Cpu c, int register, long value) {
        if (c.trace.on) {
            c.trace.emit(TraceEvents.CR_READ, register, value);
        }
    }

    static void msrRead(Cpu c, int index, long value) {
        if (c.trace.on) {
            c.trace.emit(TraceEvents.MSR_READ, index & 0xffffffffL, value);
        }
    }

    static void msrFault(Cpu c, GuestFault fault, boolean write, int index, long value) {
        if (c.trace.on && fault.vector == Vector.GP) {
            c.trace.emit(TraceEvents.MSR_FAULT, write ? 1 : 0, index & 0xffffffffL, value);
        }
    }

    /** {@link Cpu#activity} has changed. */
    static void activity(Cpu c) {
        if (c.trace.on) {
            c.trace.emit(TraceEvents.ACTIVITY, c.activity, c.rip);
        }
    }

    static void event(Cpu c, TraceEventType type) {
        if (c.trace.on) {
            c.trace.emit(type);
        }
    }

    static void event(Cpu c, TraceEventType type, long value) {
        if (c.trace.on) {
            c.trace.emit(type, value);
        }
    }
}
