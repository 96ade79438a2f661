package nestbox.core.trace;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;

/** Writes events as JSON, one object a line; numbers are unsigned 64-bit decimals, and words for
 * them stand in {@code ..._name}. */
public final class JsonSink implements TraceSink {
    private final Writer out;
    private final StringBuilder line = new StringBuilder(160);

    public JsonSink(Writer out) {
        this.out = out;
    }

    @Override
    public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
        line.setLength(0);
        line.append("{\"time\":")
                .append(time)
                .append(",\"cpu\":")
                .append(cpu)
                .append(",\"level\":")
                .append(level);
        line.append(",\"event\":\"").append(type.name()).append('"');
        for (int i = 0; i < type.fields().size(); i++) {
            line.append(",\"").append(type.fields().get(i)).append("\":").append(Long.toUnsignedString(values[i]));
            String word = type.word(i, values[i]);
            if (word != null) {
                line.append(",\"")
                        .append(type.fields().get(i))
                        .append("_name\":\"")
                        .append(word)
                        .append('"');
            }
        }
        try {
            out.append(line.append("}\n"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
