package nestbox.cli;

import java.io.PrintStream;
import java.util.Map;
import nestbox.l0.Hypervisor;

/** L0's counters, as {@code kvm_stat} lists them. */
final class Counters {
    private Counters() {}

    static void report(Hypervisor hypervisor, PrintStream err) {
        err.printf("nestbox: L0: %,d exits%n", hypervisor.counters().exits);
        hypervisor.exitCounts().forEach((name, count) -> err.printf("  %-24s %,12d%n", name, count));
        printNonZero(hypervisor.counters().all(), err);
        printNonZero(hypervisor.mmu().counters().all(), err);
    }

    private static void printNonZero(Map<String, Long> counters, PrintStream err) {
        counters.forEach((name, count) -> {
            if (count != 0) {
                err.printf("  %-24s %,12d%n", name, count);
            }
        });
    }
}
