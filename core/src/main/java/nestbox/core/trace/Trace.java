package nestbox.core.trace;

import nestbox.core.Clock;

/**
 * Where events are emitted. Callers test {@link #on} first, so that a machine without a listener pays one field read:
 *
 * <pre>{@code if (trace.on) trace.emit(TraceEvents.IRQ_LINE, line, 1);}</pre>
 */
public final class Trace {
    /** The processor of events that come from the board between the processors' turns. */
    public static final int NO_CPU = -1;

    /** Whether any sink listens. Written by this class alone. */
    public boolean on;

    private final Clock clock;
    private TraceSink[] sinks = {};
    private int cpu = NO_CPU;
    private int level;
    private final long[] values = new long[TraceEventType.MAX_FIELDS];

    public Trace(Clock clock) {
        this.clock = clock;
    }

    /** A trace that nobody can listen to, for parts that are used without a machine. */
    public static Trace off() {
        return new Trace(null);
    }

    public void addSink(TraceSink sink) {
        if (clock == null) {
            throw new IllegalStateException("a trace without a clock");
        }
        sinks = java.util.Arrays.copyOf(sinks, sinks.length + 1);
        sinks[sinks.length - 1] = sink;
        on = true;
    }

    /** From here on events belong to that processor; the machine's scheduler says so. */
    public void setCpu(int id) {
        cpu = id;
    }

    /** From here on events belong to that nesting level. */
    public void setLevel(int nesting) {
        level = nesting;
    }

    public void emit(TraceEventType type) {
        send(type, 0);
    }

    public void emit(TraceEventType type, long a) {
        values[0] = a;
        send(type, 1);
    }

    public void emit(TraceEventType type, long a, long b) {
        values[1] = b;
        values[0] = a;
        send(type, 2);
    }

    public void emit(TraceEventType type, long a, long b, long c) {
        values[2] = c;
        values[1] = b;
        values[0] = a;
        send(type, 3);
    }

    public void emit(TraceEventType type, long a, long b, long c, long d) {
        values[3] = d;
        values[2] = c;
        values[1] = b;
        values[0] = a;
        send(type, 4);
    }

    /** For kinds with five fields or more. */
    public void emit(TraceEventType type, long... fields) {
        System.arraycopy(fields, 0, values, 0, fields.length);
        send(type, fields.length);
    }

    private void send(TraceEventType type, int fields) {
        if (fields != type.fields().size()) {
            throw new IllegalArgumentException(type + " emitted with " + fields + " fields");
        }
        long now = clock.exact();
        for (TraceSink sink : sinks) {
            sink.event(type, now, cpu, level, values);
        }
    }

    /** Closes all sinks; nobody listens afterwards. */
    public void close() {
        on = false;
        for (TraceSink sink : sinks) {
            sink.close();
        }
        sinks = new TraceSink[0];
    }
}
