package nestbox.x86.engine;

import nestbox.core.Clock;
import nestbox.x86.Cpu;

/** What executes the instructions of one processor: the silicon's run loop, or a hypervisor that runs it as a guest. */
public interface Execution extends Clock.SliceCounter {
    Cpu cpu();

    /**
     * Runs until at least {@code budget} more ticks have passed or the processor cannot go on by itself (it is halted, shut
     * down, waits for a SIPI, or was asked to stop).
     */
    void run(long budget);

    /** Brings the state of {@link #cpu} up to date, for those that look at it between runs. */
    default void settle() {}
}
