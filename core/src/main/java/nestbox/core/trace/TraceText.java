package nestbox.core.trace;

import java.util.List;

/** How events are written for people who know them from elsewhere. */
@FunctionalInterface
public interface TraceText {
    /** Names and values as events have them. */
    TraceText PLAIN = (type, cpu, values) -> null;

    /** The lines that stand for an event, each with its name in front; null for {@link TextSink}'s own way. */
    List<String> lines(TraceEventType type, int cpu, long[] values);
}
