package nestbox.testkit.scenario;

import java.util.function.ToLongFunction;
import nestbox.l0.Hypervisor;
import nestbox.modules.Nestbox;

/** How far a counter of L0 goes up between the first and the last step that the image tells of. */
final class CounterProbe extends Probe {
    private final String name;
    private final ToLongFunction<Hypervisor> counter;
    private long first = -1;
    private long last;

    CounterProbe(String name, ToLongFunction<Hypervisor> counter) {
        this.name = name;
        this.counter = counter;
    }

    @Override
    void mark(int step, boolean flushed, Nestbox lab) {
        lab.hypervisor().ifPresent(hypervisor -> {
            last = counter.applyAsLong(hypervisor);
            first = first < 0 ? last : first;
        });
    }

    @Override
    String observed(Nestbox lab) {
        return first < 0 ? "" : name + "=" + (last - first);
    }
}
