package nestbox.x86.mem;

/**
 * Numbers for what instruction fetches meet, so that a processor that comes back to a mode and to tags of translations finds the
 * links between its blocks good: a guest and its hypervisor, or user and supervisor code, do not break each other's.
 */
final class FetchContexts {
    private static final int ENTRIES = 16;
    /** The slot of contexts that are not recognized when they come back. */
    private static final int NAMELESS = ENTRIES;

    private final long[] spaces = new long[ENTRIES];
    /** PCID and mode key; the latter is never 0. */
    private final long[] modes = new long[ENTRIES];

    private final long[] epochs = new long[ENTRIES + 1];
    private int current = NAMELESS;
    private long last;
    /** Numbers below this one stand for translations that may be gone. */
    private long first;

    /** Translations changed: every number given so far is void. Returns a new one for the present context. */
    long forget() {
        first = ++last;
        epochs[current] = last;
        return last;
    }

    /** The number of a context that will not be recognized. */
    long enterNameless() {
        current = NAMELESS;
        return ++last;
    }

    /** The number of a context. */
    long enter(long space, int pcid, int modeKey) {
        long mode = (long) pcid << 32 | modeKey;
        int slot = (int) ((space * 31 + mode) * 0x9E3779B97F4A7C15L >>> 60);
        current = slot;
        if (spaces[slot] != space || modes[slot] != mode || epochs[slot] < first) {
            spaces[slot] = space;
            modes[slot] = mode;
            epochs[slot] = ++last;
        }
        return epochs[slot];
    }
}
