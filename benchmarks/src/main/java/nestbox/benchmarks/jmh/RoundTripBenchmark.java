package nestbox.benchmarks.jmh;

import java.util.concurrent.TimeUnit;
import nestbox.benchmarks.Hypervisors;
import nestbox.machine.Machine;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What a machine as a whole takes for a round trip between L2 and L1, and for a page that no cache has a translation of. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class RoundTripBenchmark {
    private static final int TRIPS = 10_000;

    private Machine vmx;
    private Machine svm;
    private Machine walks;

    @Setup
    public void start() {
        vmx = Hypervisors.started(Hypervisors.Guest.VMX_ROUND_TRIP);
        svm = Hypervisors.started(Hypervisors.Guest.SVM_ROUND_TRIP);
        walks = Hypervisors.started(Hypervisors.Guest.WALKS);
    }

    @Benchmark
    @OperationsPerInvocation(TRIPS)
    public void vmExitAndResume() {
        vmx.run((long) TRIPS * Hypervisors.Guest.VMX_ROUND_TRIP.instructions());
    }

    @Benchmark
    @OperationsPerInvocation(TRIPS)
    public void vmrunAndExit() {
        svm.run((long) TRIPS * Hypervisors.Guest.SVM_ROUND_TRIP.instructions());
    }

    @Benchmark
    @OperationsPerInvocation(TRIPS)
    public void walkOnMiss() {
        walks.run((long) TRIPS * Hypervisors.Guest.WALKS.instructions());
    }
}
