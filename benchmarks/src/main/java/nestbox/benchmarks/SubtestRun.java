package nestbox.benchmarks;

import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.l0.Hypervisor;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;

/**
 * One run of one subtest, from the line that announces it to the next one's or the summary.
 *
 * @param outcome how the run ended before the subtest did; {@link Outcome.Kind#DEBUG_EXIT} if the subtest came to its end
 * @param exits exits that L0 handled, 0 on bare silicon
 * @param seconds CPU time of the thread
 */
record SubtestRun(Outcome.Kind outcome, long instructions, long exits, double seconds) {
    private static final long SLICE = 20_000_000;
    private static final long MEMORY = 4L << 30;

    /** Runs subtests in one run of their image; what the processor lacks something for is skipped, and not in the answer. */
    static Map<String, SubtestRun> of(
            Path image, String model, List<String> names, L0Mode mode, SubtestArguments asked) {
        Announcements announcements = new Announcements();
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(model)
                .guestCpu(mode == L0Mode.NONE ? "" : model)
                .l0(mode)
                .memoryBytes(MEMORY)
                .cpus(asked.cpus())
                .machine(machine -> machine.serial(announcements))
                .build();
        Nestbox lab = Nestbox.create(configuration);
        lab.load(image, String.join(" ", names));
        announcements.lab = lab;
        long began = cpuNanos();
        Outcome.Kind outcome;
        do {
            outcome = lab.run(SLICE).kind();
        } while (outcome == Outcome.Kind.LIMIT && cpuNanos() - began < asked.seconds() * 1e9);
        announcements.end(Moment.of(lab), outcome);
        return announcements.runs;
    }

    boolean finished() {
        return outcome == Outcome.Kind.DEBUG_EXIT;
    }

    @Override
    public String toString() {
        return finished() ? "finished" : outcome.name();
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private record Moment(long nanos, long instructions, long exits) {
        static Moment of(Nestbox lab) {
            long exits = lab.hypervisor()
                    .map(Hypervisor::counters)
                    .map(counters -> counters.exits)
                    .orElse(0L);
            return new Moment(cpuNanos(), lab.machine().retired(), exits);
        }
    }

    /** The serial port: notes time and instructions when a subtest is announced. */
    private static final class Announcements extends OutputStream {
        private static final String[] PREFIXES = {"Test suite: ", "SVM test: "};
        /** How vmx asks whether the next subtest is wanted. */
        private static final String CHOICE = "filter = ";

        private static final String SUMMARY = "SUMMARY";

        private final Map<String, SubtestRun> runs = new LinkedHashMap<>();
        private final StringBuilder line = new StringBuilder();
        private Nestbox lab;
        private String name;
        private Moment start;
        private Moment lineStart;

        @Override
        public void write(int octet) {
            if (line.length() == 0) {
                lineStart = Moment.of(lab);
            }
            if (octet != '\n') {
                line.append((char) (octet & 0xff));
                return;
            }
            String text = line.toString().strip();
            line.setLength(0);
            if (text.startsWith(SUMMARY) || text.startsWith(CHOICE)) {
                end(lineStart, Outcome.Kind.DEBUG_EXIT);
            }
            for (String prefix : PREFIXES) {
                if (text.startsWith(prefix)) {
                    end(lineStart, Outcome.Kind.DEBUG_EXIT);
                    name = text.substring(prefix.length()).replace(' ', '_');
                    start = Moment.of(lab);
                }
            }
        }

        void end(Moment at, Outcome.Kind outcome) {
            if (name != null) {
                double seconds = (at.nanos - start.nanos) / 1e9;
                runs.put(
                        name,
                        new SubtestRun(outcome, at.instructions - start.instructions, at.exits - start.exits, seconds));
                name = null;
            }
        }
    }
}
