package nestbox.x86.engine;

/** Executes instructions of one processor until something is pending. All engines give the same trace. */
public interface Engine {
    /**
     * Runs until {@code cpu.ticks} reaches {@code end} or {@code cpu.pending} is not 0. A guest exception leaves as
     * {@link nestbox.x86.GuestFault}, with RIP at the faulting instruction and the instructions before it retired.
     */
    void run(long end);
}
