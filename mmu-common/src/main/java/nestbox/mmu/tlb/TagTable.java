package nestbox.mmu.tlb;

import java.util.Arrays;
import nestbox.core.Seed;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/**
 * Tagged entries in a hash table over parallel arrays, in the order of their fills. A key is a page number and a size class; a
 * tag is an address space (see {@link TranslationCache}) with a PCID, or with "global" in place of the PCID. Entries are named by small numbers that stay good until the next fill or removal.
 */
final class TagTable implements Stateful {
    static final int PCID_BITS = 13;
    static final long PCID_MASK = 0xfff;
    /** In a tag: the entry belongs to every PCID of its space. */
    static final long GLOBAL = 1 << 12;

    private static final int NONE = -1;
    private static final int INITIAL = 64;
    private static final int EVICT_ONE_IN = 4;

    private final int capacity;
    /** Chooses the random evictions, or null. */
    private final Seed seed;

    private long[] keys = new long[INITIAL];
    private long[] tags = new long[INITIAL];
    private long[] values = new long[INITIAL];
    private int[] attributes = new int[INITIAL];
    private int[] chain = new int[INITIAL];
    private int[] older = new int[INITIAL];
    private int[] newer = new int[INITIAL];
    private int[] buckets = new int[2 * INITIAL];
    private int bucketShift = 64 - Integer.numberOfTrailingZeros(2 * INITIAL);

    private int used;
    private int free = NONE;
    private int live;
    private int oldest = NONE;
    private int newest = NONE;

    TagTable(int capacity, Seed seed) {
        this.capacity = capacity;
        this.seed = seed;
        Arrays.fill(buckets, NONE);
    }

    int size() {
        return live;
    }

    int capacity() {
        return capacity;
    }

    long key(int entry) {
        return keys[entry];
    }

    long tag(int entry) {
        return tags[entry];
    }

    long value(int entry) {
        return values[entry];
    }

    int attributes(int entry) {
        return attributes[entry];
    }

    void setAttributes(int entry, int value) {
        attributes[entry] = value;
    }

    /** The entry filled longest ago, or -1. */
    int first() {
        return oldest;
    }

    /** The entry filled next after {@code entry}, or -1. */
    int next(int entry) {
        return newer[entry];
    }

    private int bucket(long key) {
        return (int) (key * 0x9E3779B97F4A7C15L >>> bucketShift);
    }

    /** The entry of {@code key} under {@code tag} or global in the tag's space, or -1. */
    int find(long key, long tag) {
        long global = (tag & ~PCID_MASK) | GLOBAL;
        for (int entry = buckets[bucket(key)]; entry >= 0; entry = chain[entry]) {
            if (keys[entry] == key && (tags[entry] == tag || tags[entry] == global)) {
                return entry;
            }
        }
        return NONE;
    }

    /** As {@link #find}, for any tag that agrees with {@code tag} in the bits of {@code mask}, or is global and does so. */
    int findMasked(long key, long tag, long mask) {
        long global = (tag & ~PCID_MASK) | GLOBAL;
        for (int entry = buckets[bucket(key)]; entry >= 0; entry = chain[entry]) {
            if (keys[entry] == key && (((tags[entry] ^ tag) & mask) == 0 || ((tags[entry] ^ global) & mask) == 0)) {
                return entry;
            }
        }
        return NONE;
    }

    /** The entry to remove before the next fill, or -1: first what exceeds the capacity, then what chance picks. */
    int victim() {
        if (live >= capacity) {
            return oldest;
        }
        if (seed != null && live > 0 && seed.nextInt(EVICT_ONE_IN) == 0) {
            int entry = oldest;
            for (int steps = seed.nextInt(Math.min(live, INITIAL)); steps > 0; steps--) {
                entry = newer[entry];
            }
            return entry;
        }
        return NONE;
    }

    /** Fills an entry; the caller has removed its victim and any entry of the same key and tag. */
    int add(long key, long tag, long value, int attribute) {
        int entry = free;
        if (entry >= 0) {
            free = chain[entry];
        } else {
            if (used == keys.length) {
                grow();
            }
            entry = used++;
        }
        keys[entry] = key;
        tags[entry] = tag;
        values[entry] = value;
        attributes[entry] = attribute;
        int bucket = bucket(key);
        chain[entry] = buckets[bucket];
        buckets[bucket] = entry;
        older[entry] = newest;
        newer[entry] = NONE;
        if (newest >= 0) {
            newer[newest] = entry;
        } else {
            oldest = entry;
        }
        newest = entry;
        live++;
        return entry;
    }

    void remove(int entry) {
        int bucket = bucket(keys[entry]);
        if (buckets[bucket] == entry) {
            buckets[bucket] = chain[entry];
        } else {
            int before = buckets[bucket];
            while (chain[before] != entry) {
                before = chain[before];
            }
            chain[before] = chain[entry];
        }
        if (older[entry] >= 0) {
            newer[older[entry]] = newer[entry];
        } else {
            oldest = newer[entry];
        }
        if (newer[entry] >= 0) {
            older[newer[entry]] = older[entry];
        } else {
            newest = older[entry];
        }
        chain[entry] = free;
        free = entry;
        live--;
    }

    void clear() {
        Arrays.fill(buckets, NONE);
        used = 0;
        free = NONE;
        live = 0;
        oldest = NONE;
        newest = NONE;
    }

    @Override
    public void save(StateWriter out) {
        out.section("tagged entries").writeInt(live);
        for (int entry = oldest; entry >= 0; entry = newer[entry]) {
            out.writeLong(keys[entry])
                    .writeLong(tags[entry])
                    .writeLong(values[entry])
                    .writeInt(attributes[entry]);
        }
        if (seed != null) {
            seed.save(out);
        }
    }

    @Override
    public void restore(StateReader in) {
        in.section("tagged entries");
        clear();
        for (int left = in.readCount(); left > 0; left--) {
            long key = in.readLong();
            long tag = in.readLong();
            long value = in.readLong();
            add(key, tag, value, in.readInt());
        }
        if (seed != null) {
            seed.restore(in);
        }
    }

    private void grow() {
        int size = 2 * keys.length;
        keys = Arrays.copyOf(keys, size);
        tags = Arrays.copyOf(tags, size);
        values = Arrays.copyOf(values, size);
        attributes = Arrays.copyOf(attributes, size);
        chain = Arrays.copyOf(chain, size);
        older = Arrays.copyOf(older, size);
        newer = Arrays.copyOf(newer, size);
        buckets = new int[2 * size];
        bucketShift--;
        Arrays.fill(buckets, NONE);
        for (int entry = oldest; entry >= 0; entry = newer[entry]) {
            int bucket = bucket(keys[entry]);
            chain[entry] = buckets[bucket];
            buckets[bucket] = entry;
        }
    }
}
