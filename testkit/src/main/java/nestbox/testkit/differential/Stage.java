package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import nestbox.core.Seed;

/**
 * The second stage that L1 gives its guests, EPT or nested tables, twice: L2's own memory is mapped identically and stays, the frames
 * of its window go where random entries say.
 */
final class Stage {
    private static final long EPT_ALL = 7;
    private static final long WRITE_BACK = 6 << 3;
    private static final long LARGE = 1 << 7;
    private static final long NO_EXECUTE = 1L << 63;
    private static final long RESERVED = 1L << 51;

    /** Where an entry that is edited leads: to one of the window's frames, a large one, or a page of the device. */
    enum Kind {
        FRAME,
        LARGE_FRAME,
        DEVICE
    }

    /** An entry that L1 may edit. */
    record Slot(int set, long address, Kind kind, long below) {}

    final List<Slot> slots = new ArrayList<>();
    private final boolean ept;
    private final Map<Long, Long> entries = new TreeMap<>();

    Stage(boolean ept) {
        this.ept = ept;
        for (int set = 0; set < NestedControl.GUESTS; set++) {
            build(set);
        }
    }

    static long root(int set) {
        return NestedLayout.STAGE + set * NestedLayout.STAGE_BYTES;
    }

    private void build(int set) {
        long root = root(set);
        set(root, table(root + 0x1000));
        set(root + 0x1000, table(root + 0x2000));
        set(root + 0x1008, leaf(1 << 30) | LARGE);
        set(root + 0x1018, table(root + 0x3000));
        for (int i = 0; i < Layout.MEMORY >>> 21; i++) {
            set(root + 0x2000 + 8L * i, leaf((long) i << 21) | LARGE);
        }
        set(root + 0x2000 + 8 * (Layout.NOTHING >>> 21), leaf(Layout.NOTHING) | LARGE);
        set(root + 0x2008, table(root + 0x4000));
        for (int i = 0; i < 512; i++) {
            set(root + 0x4000 + 8L * i, leaf(0x200000 + ((long) i << 12)));
        }
        for (int i = 0; i < Layout.FRAME_COUNT; i++) {
            long at = root + 0x4000 + 8 * ((Layout.FRAMES & 0x1fffff) >>> 12) + 8L * i;
            slots.add(new Slot(set, at, Kind.FRAME, 0));
        }
        for (int i = 0; i < 2; i++) {
            long pages = root + 0x5000 + 0x1000L * i;
            slots.add(new Slot(set, root + 0x2000 + 8 * ((Layout.LARGE_FRAMES >>> 21) + i), Kind.LARGE_FRAME, pages));
            for (int k = 0; k < 512; k++) {
                set(pages + 8L * k, leaf(Layout.LARGE_FRAMES + ((long) i << 21) + ((long) k << 12)));
            }
            for (int k = 0; k < 4; k++) {
                slots.add(new Slot(set, pages + 8L * k, Kind.FRAME, 0));
            }
        }
        set(root + 0x3000 + 8 * (Layout.APIC >>> 21 & 511), leaf(Layout.APIC) | LARGE);
        set(root + 0x3000 + 8 * (Layout.DEVICE >>> 21 & 511), table(root + 0x7000));
        for (int i = 0; i < 16; i++) {
            set(root + 0x7000 + 8L * i, leaf(Layout.DEVICE + ((long) i << 12)));
        }
        for (int i = 0; i < 3; i++) {
            slots.add(new Slot(set, root + 0x7000 + 8L * i, Kind.DEVICE, 0));
        }
    }

    private long table(long address) {
        return address | EPT_ALL;
    }

    private long leaf(long address) {
        return address | EPT_ALL | (ept ? WRITE_BACK : 0);
    }

    long entry(long address) {
        return entries.getOrDefault(address, 0L);
    }

    void set(long address, long value) {
        entries.put(address, value);
    }

    Map<Long, Long> entries() {
        return entries;
    }

    Map<Long, Long> contents() {
        return Map.copyOf(entries);
    }

    boolean present(long entry) {
        return (entry & (ept ? EPT_ALL : 1)) != 0;
    }

    /** Another value for an entry; what it maps stays data or code as L2's generator takes it for. */
    long random(Slot slot, Seed random) {
        if (random.nextInt(10) == 0) {
            return random.nextLong() & ~EPT_ALL;
        }
        long value = switch (slot.kind) {
            case FRAME -> leaf(frame(random));
            case DEVICE -> leaf(Layout.DEVICE + ((long) random.nextInt(3) << 12));
            case LARGE_FRAME ->
                random.nextInt(2) == 0
                        ? table(slot.below)
                        : leaf(Layout.LARGE_FRAMES + ((long) random.nextInt(2) << 21)) | LARGE;
        };
        return value & ~taken(random) | extra(random, slot.kind != Kind.LARGE_FRAME);
    }

    private static long frame(Seed random) {
        if (random.nextInt(4) == 0) {
            int number = random.nextInt(8);
            return Layout.LARGE_FRAMES + (number / 4L << 21) + 0x1000L * (number % 4);
        }
        return Layout.FRAMES + ((long) random.nextInt(Layout.FRAME_COUNT) << 12);
    }

    /** Rights that an entry lacks. */
    private long taken(Seed random) {
        if (ept) {
            return (random.nextInt(4) == 0 ? 2 : 0)
                    | (random.nextInt(4) == 0 ? 4 : 0)
                    | (random.nextInt(20) == 0 ? 1 : 0);
        }
        return (random.nextInt(4) == 0 ? 2 : 0) | (random.nextInt(12) == 0 ? 4 : 0);
    }

    private long extra(Seed random, boolean leaf) {
        long value = random.nextInt(50) == 0 ? RESERVED : 0;
        if (ept) {
            return leaf && random.nextInt(50) == 0 ? value | 1 << 3 : value;
        }
        return value | (random.nextInt(5) == 0 ? NO_EXECUTE : 0) | random.nextInt(4) << 5;
    }

    /** An entry without some right, not present, or misconfigured. */
    long broken(long entry, Seed random) {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> entry & ~2;
            case 2 -> entry & ~4;
            case 3 -> entry | RESERVED;
            case 4 -> ept ? entry & ~1 : entry | NO_EXECUTE;
            default -> ept ? entry ^ 1 << 4 : entry & ~1;
        };
    }
}
