package nestbox.testkit.scenario;

import java.util.function.ToLongFunction;
import nestbox.mmu.core.MmuCounters;
import nestbox.modules.Nestbox;

/** How far a counter of L0's MMU goes up between the first and the last step that the image tells of. */
final class CounterProbe extends Probe {
    private final String name;
    private final ToLongFunction<MmuCounters> counter;
    private long first = -1;
    private long last;

    CounterProbe(String name, ToLongFunction<MmuCounters> counter) {
        this.name = name;
        this.counter = counter;
    }

    @Override
    void mark(int step, boolean flushed, Nestbox lab) {
        lab.hypervisor().ifPresent(hypervisor -> {
            last = counter.applyAsLong(hypervisor.mmu().counters());
            first = first < 0 ? last : first;
        });
    }

    @Override
    String observed(Nestbox lab) {
        return first < 0 ? "" : name + "=" + (last - first);
    }
}
