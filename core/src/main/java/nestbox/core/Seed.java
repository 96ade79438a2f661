package nestbox.core;

/** Seeded choice: SplitMix64, so that the same seed gives the same choices on every JDK and host. */
public final class Seed implements Stateful {
    private long state;

    public Seed(long seed) {
        state = seed;
    }

    public long nextLong() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** A value in [0, bound). */
    public int nextInt(int bound) {
        return (int) Long.remainderUnsigned(nextLong(), bound);
    }

    @Override
    public void save(StateWriter out) {
        out.section("seed").writeLong(state);
    }

    @Override
    public void restore(StateReader in) {
        in.section("seed");
        state = in.readLong();
    }
}
