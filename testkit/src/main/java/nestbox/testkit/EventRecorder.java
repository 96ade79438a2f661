package nestbox.testkit;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceSink;

/** Keeps a run's events, the latest {@value #MOST} of them at least. */
final class EventRecorder implements TraceSink {
    static final int MOST = 200_000;

    private final boolean hypervisor;
    private final List<RecordedEvent> events = new ArrayList<>();
    private long dropped;
    /** On bare silicon, which has one level, what the image itself makes of it. */
    private int imageLevel = 1;

    EventRecorder(boolean hypervisor) {
        this.hypervisor = hypervisor;
    }

    @Override
    public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
        if (events.size() == 2 * MOST) {
            events.subList(0, MOST).clear();
            dropped += MOST;
        }
        if (type.name().equals("vm_entry") || type.name().equals("vmrun")) {
            imageLevel = 2;
        }
        long[] kept = java.util.Arrays.copyOf(values, type.fields().size());
        events.add(new RecordedEvent(time, cpu, hypervisor ? Math.max(level, 1) : imageLevel, type, kept));
        if (type.name().equals("vm_exit") || type.name().startsWith("vmexit")) {
            imageLevel = 1;
        }
    }

    List<RecordedEvent> events() {
        return events;
    }

    /** How many events before those are forgotten. */
    long dropped() {
        return dropped;
    }

    @Override
    public void close() {
        // Nothing is buffered.
    }
}
