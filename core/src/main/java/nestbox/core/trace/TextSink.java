package nestbox.core.trace;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.List;
import nestbox.core.Clock;

/** Writes events as lines of text, in the shape that Linux's ftrace gives them: processor, seconds, name, fields. */
public final class TextSink implements TraceSink {
    private static final int NANOSECOND_DIGITS = 9;

    private final Writer out;
    private final TraceText text;
    private final StringBuilder line = new StringBuilder(160);

    public TextSink(Writer out) {
        this(out, TraceText.PLAIN);
    }

    /** @param text how events are written */
    public TextSink(Writer out, TraceText text) {
        this.out = out;
        this.text = text;
        write(
                "# tracer: nestbox\n#\n#       LEVEL    CPU#   TIMESTAMP      EVENT\n#         |       |         |            |\n");
    }

    @Override
    public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
        List<String> lines = text.lines(type, cpu, values);
        if (lines == null) {
            begin(time, cpu, level).append(type.name()).append(':');
            fields(type, values);
            write(line.append('\n'));
            return;
        }
        for (String each : lines) {
            write(begin(time, cpu, level).append(each).append('\n'));
        }
    }

    private StringBuilder begin(long time, int cpu, int level) {
        line.setLength(0);
        line.append("      guest-L").append(level).append("  [");
        String number = cpu < 0 ? "---" : Integer.toString(cpu);
        line.append("0".repeat(Math.max(0, 3 - number.length()))).append(number).append("]  ");
        String fraction = Long.toString(time % Clock.HZ);
        line.append(time / Clock.HZ)
                .append('.')
                .append("0".repeat(NANOSECOND_DIGITS - fraction.length()))
                .append(fraction);
        return line.append(": ");
    }

    private void fields(TraceEventType type, long[] values) {
        for (int i = 0; i < type.fields().size(); i++) {
            line.append(' ').append(type.fields().get(i)).append('=');
            if (type.base(i) == TraceEventType.Base.HEX) {
                line.append("0x").append(Long.toHexString(values[i]));
            } else {
                line.append(values[i]);
            }
            String word = type.word(i, values[i]);
            if (word != null) {
                line.append('(').append(word).append(')');
            }
        }
    }

    private void write(CharSequence text) {
        try {
            out.append(text);
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
