package nestbox.core.trace;

/** Receives trace events. It observes: nothing that it does may change the machine. */
public interface TraceSink extends AutoCloseable {
    /**
     * One event.
     *
     * @param time virtual time in ticks, see {@link nestbox.core.Clock}
     * @param cpu the processor whose turn it was, or {@link Trace#NO_CPU}
     * @param level nesting level of the software that ran
     * @param values the fields' values, as many as the kind has fields; valid only during the call
     */
    void event(TraceEventType type, long time, int cpu, int level, long[] values);

    /** Writes out what is still buffered. */
    @Override
    void close();
}
