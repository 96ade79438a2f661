package nestbox.mmu.core;

/** Small counts by frame number: an open-addressed hash table of those that are not 0. */
final class FrameCounts {
    private static final long EMPTY = -1;

    private long[] keys = newKeys(64);
    private int[] counts = new int[64];
    private int filled;

    private static long[] newKeys(int size) {
        long[] keys = new long[size];
        java.util.Arrays.fill(keys, EMPTY);
        return keys;
    }

    private int find(long key) {
        int mask = keys.length - 1;
        int at = (int) (key * 0x9E3779B97F4A7C15L >>> 40) & mask;
        while (keys[at] != key && keys[at] != EMPTY) {
            at = at + 1 & mask;
        }
        return at;
    }

    int get(long key) {
        return filled == 0 ? 0 : counts[find(key)];
    }

    /** Adds {@code delta}; keys whose count has returned to 0 go when the table grows. */
    void add(long key, int delta) {
        int at = find(key);
        if (keys[at] == EMPTY) {
            if (filled >= keys.length / 2) {
                rehash();
                at = find(key);
            }
            keys[at] = key;
            filled++;
        }
        counts[at] += delta;
    }

    private void rehash() {
        long[] oldKeys = keys;
        int[] oldCounts = counts;
        int live = 0;
        for (int count : oldCounts) {
            live += count != 0 ? 1 : 0;
        }
        int size = Math.max(64, Integer.highestOneBit(4 * live + 1) * 2);
        keys = newKeys(size);
        counts = new int[size];
        filled = 0;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldCounts[i] != 0) {
                int at = find(oldKeys[i]);
                keys[at] = oldKeys[i];
                counts[at] = oldCounts[i];
                filled++;
            }
        }
    }
}
