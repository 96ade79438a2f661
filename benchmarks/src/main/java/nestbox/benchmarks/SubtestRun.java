package nestbox.benchmarks;

import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import nestbox.l0.Hypervisor;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;

/**
 * One run of one subtest, from its announcement on.
 *
 * @param outcome how it ended; {@link Outcome.Kind#LIMIT} if it was cut
 * @param announced the subtest began: it may be skipped where the processor lacks something
 * @param exits exits that L0 handled, 0 on bare silicon
 * @param seconds CPU time of the thread
 */
record SubtestRun(Outcome.Kind outcome, boolean announced, long instructions, long exits, double seconds) {
    private static final long SLICE = 20_000_000;
    private static final long MEMORY = 4L << 30;
    private static final String[] ANNOUNCEMENTS = {"Test suite: ", "SVM test: "};

    static SubtestRun of(Path image, String model, String name, L0Mode mode, SubtestArguments asked) {
        Start start = new Start();
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(model)
                .guestCpu(mode == L0Mode.NONE ? "" : model)
                .l0(mode)
                .memoryBytes(MEMORY)
                .cpus(asked.cpus())
                .machine(machine -> machine.serial(start))
                .build();
        Nestbox lab = Nestbox.create(configuration);
        lab.load(image, name);
        start.lab = lab;
        long began = cpuNanos();
        Outcome.Kind outcome;
        do {
            outcome = lab.run(SLICE).kind();
        } while (outcome == Outcome.Kind.LIMIT && cpuNanos() - began < asked.seconds() * 1e9);
        return new SubtestRun(
                outcome,
                start.seen,
                lab.machine().retired() - start.instructions,
                exits(lab) - start.exits,
                (cpuNanos() - start.nanos) / 1e9);
    }

    boolean finished() {
        return outcome == Outcome.Kind.DEBUG_EXIT && announced;
    }

    @Override
    public String toString() {
        return finished() ? "finished" : announced || outcome != Outcome.Kind.DEBUG_EXIT ? outcome.name() : "SKIP";
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static long exits(Nestbox lab) {
        return lab.hypervisor()
                .map(Hypervisor::counters)
                .map(counters -> counters.exits)
                .orElse(0L);
    }

    /** The serial port: notes time and instructions when the subtest is announced. */
    private static final class Start extends OutputStream {
        private final StringBuilder line = new StringBuilder();
        private Nestbox lab;
        private boolean seen;
        private long nanos;
        private long instructions;
        private long exits;

        @Override
        public void write(int octet) {
            if (octet != '\n') {
                line.append((char) (octet & 0xff));
                return;
            }
            for (String announcement : ANNOUNCEMENTS) {
                if (!seen && line.indexOf(announcement) == 0) {
                    seen = true;
                    nanos = cpuNanos();
                    instructions = lab.machine().retired();
                    exits = exits(lab);
                }
            }
            line.setLength(0);
        }
    }
}
