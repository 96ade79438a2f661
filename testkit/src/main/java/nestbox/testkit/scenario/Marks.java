package nestbox.testkit.scenario;

import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceEvents;
import nestbox.core.trace.TraceSink;
import nestbox.modules.Nestbox;

/** Hears the image tell its steps, and tells the probes. */
final class Marks implements TraceSink {
    private static final int PORT = 0x80;
    private static final int FLUSHED = 0x80;

    private final Nestbox lab;
    private final List<Probe> probes;

    Marks(Nestbox lab, List<Probe> probes) {
        this.lab = lab;
        this.probes = probes;
    }

    @Override
    public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
        if (type == TraceEvents.PORT_WRITE && values[0] == PORT) {
            int step = (int) values[2] & ~FLUSHED;
            boolean flushed = (values[2] & FLUSHED) != 0;
            probes.forEach(probe -> probe.mark(step, flushed, lab));
        }
    }

    @Override
    public void close() {}
}
