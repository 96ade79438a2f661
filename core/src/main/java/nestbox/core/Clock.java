package nestbox.core;

/**
 * The machine's virtual time in ticks: retired instructions plus idle skips. While a processor runs a slice, time is the
 * start of the slice plus the ticks that the processor has run since; so a device sees the exact tick of the instruction that
 * reaches it, whatever the engine's blocks are.
 */
public final class Clock implements Stateful {
    /** Virtual ticks a second; one retired instruction is one tick. */
    public static final long HZ = 1_000_000_000L;

    /** Tells for how many ticks the running slice has run. */
    public interface SliceCounter {
        long ticksInSlice();
    }

    private long base;
    /** The latest time that anyone has read. */
    private long seen;

    private SliceCounter running;

    /**
     * Time as guests and devices read it: it never goes back, although processors that take turns in the same window of time
     * do. A processor that comes to read less than was read already sees the time stand still until it has caught up.
     */
    public long now() {
        long exact = exact();
        if (exact > seen) {
            seen = exact;
        }
        return seen;
    }

    /** The running processor's own time, for observers: reading it changes nothing. */
    public long exact() {
        SliceCounter counter = running;
        return counter == null ? base : base + counter.ticksInSlice();
    }

    /** From here on time follows {@code counter}, which reads 0 now, or goes on from its own start, which is the base. */
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
        out.section("clock").writeLong(exact()).writeLong(seen);
    }

    @Override
    public void restore(StateReader in) {
        in.section("clock");
        running = null;
        base = in.readLong();
        seen = in.readLong();
    }
}
