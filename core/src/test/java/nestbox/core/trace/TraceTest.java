package nestbox.core.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringWriter;
import java.util.HashSet;
import java.util.Set;
import nestbox.core.Clock;
import org.junit.jupiter.api.Test;

class TraceTest {
    private final Clock clock = new Clock();
    private final Trace trace = new Trace(clock);

    private void someEvents() {
        clock.endSlice(1_000_000_042);
        trace.setCpu(3);
        trace.emit(TraceEvents.EXCEPTION, 14, 2, 0xffffffff81000000L, 0x1000);
        trace.setCpu(Trace.NO_CPU);
        trace.setLevel(1);
        trace.emit(TraceEvents.IRQ_LINE, 4, 1);
        trace.emit(TraceEvents.RESET);
    }

    @Test
    void withoutASinkItIsOff() {
        assertThat(trace.on).isFalse();
        assertThatThrownBy(() -> Trace.off().addSink(new HashSink())).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void textHasTheShapeOfFtrace() {
        StringWriter out = new StringWriter();
        trace.addSink(new TextSink(out));
        assertThat(trace.on).isTrue();
        someEvents();
        trace.close();
        assertThat(trace.on).isFalse();
        assertThat(out.toString().lines().filter(line -> !line.startsWith("#")))
                .containsExactly(
                        "      guest-L0  [003]  1.000000042: exception: vector=14 error_code=0x2 rip=0xffffffff81000000 address=0x1000",
                        "      guest-L1  [---]  1.000000042: irq_line: line=4 state=1",
                        "      guest-L1  [---]  1.000000042: reset:");
    }

    @Test
    void jsonIsOneObjectALine() {
        StringWriter out = new StringWriter();
        trace.addSink(new JsonSink(out));
        someEvents();
        assertThat(out.toString().lines().findFirst())
                .hasValue(
                        "{\"time\":1000000042,\"cpu\":3,\"level\":0,\"event\":\"exception\",\"vector\":14,\"error_code\":2,"
                                + "\"rip\":18446744071578845184,\"address\":4096}");
    }

    @Test
    void hashDependsOnEveryPartOfAnEvent() {
        Set<String> hashes = new HashSet<>();
        long[][] fields = {{1, 2}, {1, 3}, {2, 2}};
        for (long[] values : fields) {
            hashes.add(hash(5, 0, 0, TraceEvents.IRQ_LINE, values));
        }
        hashes.add(hash(6, 0, 0, TraceEvents.IRQ_LINE, fields[0]));
        hashes.add(hash(5, 1, 0, TraceEvents.IRQ_LINE, fields[0]));
        hashes.add(hash(5, 0, 1, TraceEvents.IRQ_LINE, fields[0]));
        hashes.add(hash(5, 0, 0, TraceEvents.INTERRUPT, fields[0]));
        assertThat(hashes).hasSize(7).doesNotContain(new HashSink().hash());
        assertThat(hash(5, 0, 0, TraceEvents.IRQ_LINE, fields[0]))
                .isEqualTo(hash(5, 0, 0, TraceEvents.IRQ_LINE, fields[0]));
    }

    private static String hash(long time, int cpu, int level, TraceEventType type, long[] values) {
        HashSink sink = new HashSink();
        sink.event(type, time, cpu, level, values);
        return sink.hash();
    }

    @Test
    void hashOfNothingIsShaOfNothingAndLongTracesSpillTheBuffer() {
        assertThat(new HashSink().hash()).isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        HashSink sink = new HashSink();
        trace.addSink(sink);
        for (int i = 0; i < 10_000; i++) {
            trace.emit(TraceEvents.MSR_WRITE, i, i);
        }
        assertThat(sink.events()).isEqualTo(10_000);
        assertThat(sink.hash()).hasSize(64);
    }

    @Test
    void aWrongNumberOfFieldsIsAProgrammingError() {
        trace.addSink(new HashSink());
        assertThatThrownBy(() -> trace.emit(TraceEvents.RESET, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void eventNamesAreUniqueAndFieldsToo() {
        Set<String> names = new HashSet<>();
        for (TraceEventType type : TraceEvents.all()) {
            assertThat(names.add(type.name())).isTrue();
            assertThat(new HashSet<>(type.fields())).hasSameSizeAs(type.fields());
        }
    }
}
