package nestbox.core;

/**
 * The machine's virtual time in ticks: retired instructions plus idle skips. While a processor runs a slice, time is the
 * start of the slice plus what the processor has retired since; so a device sees the exact tick of the instruction that
 * reaches it, whatever the engine's blocks are.
 */
public final class Clock implements Stateful {
    /** Virtual ticks a second; one retired instruction is one tick. */
    public static final long HZ = 1_000_000_000L;

    /** Tells how many instructions were retired in the running slice. */
    public interface SliceCounter {
        long retiredInSlice();
    }

    private long base;
    private SliceCounter running;

    public long now() {
        SliceCounter counter = running;
        return counter == null ? base : base + counter.retiredInSlice();
    }

    /** From here on time follows {@code counter}, which must read 0 now. */
    public void startSlice(SliceCounter counter) {
        running = counter;
    }

    /** Ends the slice; time becomes {@code now}, which may differ from the slice's end (other processors' turns, idle skips). */
    public void endSlice(long now) {
        running = null;
        base = now;
    }

    @Override
    public void save(StateWriter out) {
        out.section("clock").writeLong(now());
    }

    @Override
    public void restore(StateReader in) {
        in.section("clock");
        running = null;
        base = in.readLong();
    }
}
