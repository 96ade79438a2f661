package nestbox.l0.ledger;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import nestbox.l0.ledger.CheckReport.Change;
import nestbox.mmu.memory.CodeWatcher;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.paging.Access;

/** The values that words of the guest's page tables have had since a walk first came by, each with the last time that it had gone. */
final class TableHistory implements CodeWatcher {
    /** Values that are remembered of one word. */
    private static final int MOST = 64;

    /** Entries that one look at the past goes through. */
    private static final int MOST_ENTRIES = 1 << 14;

    private static final int PAGE = 4096;

    private final PhysicalMemory memory;
    private final long offset;
    private final Numbers numbers;
    private final Supplier<String> writer;
    private final Set<Long> tables = new HashSet<>();
    private final Map<Long, Deque<Change>> changes = new HashMap<>();
    /** Words of which values are remembered no more. */
    private final Set<Long> forgotten = new HashSet<>();

    private boolean incomplete;
    private int left;

    /** Numbers events and gives the time. */
    interface Numbers {
        long next();

        long time();
    }

    /**
     * @param memory the guest's
     * @param seen memory that sees all writes: the guest's, or the host's in which it appears
     * @param offset address in {@code seen} of the guest's address 0
     */
    TableHistory(PhysicalMemory memory, PhysicalMemory seen, long offset, Numbers numbers, Supplier<String> writer) {
        this.memory = memory;
        this.offset = offset;
        this.numbers = numbers;
        this.writer = writer;
        seen.addCodeWatcher(this);
    }

    /** From now on writes to this table are remembered. */
    private void watch(long table) {
        if (tables.add(table & -PAGE) && memory.kindOf(table) == PhysicalMemory.Kind.RAM) {
            memory.markCode(table & -PAGE, PAGE);
        }
    }

    @Override
    public void codePageMarked(long physical) {}

    @Override
    public void beforeCodeWrite(long seenAt, int length) {
        long physical = seenAt - offset;
        if (!tables.contains(physical & -PAGE)) {
            return;
        }
        for (long word = physical & -8; word < physical + length; word += 8) {
            Deque<Change> of = changes.computeIfAbsent(word, w -> new ArrayDeque<>());
            long old = memory.read(word, 8);
            of.removeIf(change -> change.old() == old);
            of.addLast(new Change(numbers.next(), numbers.time(), writer.get(), word, old));
            if (of.size() > MOST) {
                of.removeFirst();
                forgotten.add(word);
            }
        }
    }

    /** No device is read: a table that lies outside memory reads as ones, as on the bus. */
    private long read(long at, int bytes) {
        boolean backed = memory.kindOf(at) == PhysicalMemory.Kind.RAM || memory.kindOf(at) == PhysicalMemory.Kind.ROM;
        return backed ? memory.read(at, bytes) : part(-1, at, bytes);
    }

    private static long part(long word, long address, int bytes) {
        return bytes == 8 ? word : word >>> 8 * (address & 4) & 0xffffffffL;
    }

    /** Whether the last look at the past may have missed something: values that are remembered no more, or too many ways. */
    boolean incomplete() {
        return incomplete;
    }

    /** The walk through present entries; null if it ends without a leaf. Its tables are watched from now on. */
    Path present(GuestPaging paging, GuestPaging nested, long linear) {
        Path[] found = {null};
        new Walking(nested, linear, false, path -> found[0] = path).begin(paging);
        return found[0];
    }

    /** Walks through present and past entries. */
    void past(GuestPaging paging, GuestPaging nested, long linear, Consumer<Path> paths) {
        incomplete = false;
        left = MOST_ENTRIES;
        new Walking(nested, linear, true, paths).begin(paging);
    }

    /** What a walk has come to so far; {@code start} is the write that made the youngest of its entries. */
    private record Walk(int rights, long start, long end, Change change, List<Path.Nested> nested) {
        static final Walk START = new Walk(GuestPaging.ALL, 0, Path.NOW, null, List.of());

        /** A processor reads an entry behind those above it, so one that was gone before they came is none of their path. */
        boolean reaches(Change past) {
            return start < past.number();
        }

        Walk through(int granted, Change past, long made) {
            boolean earlier = past != null && past.number() < end;
            return new Walk(
                    rights & granted,
                    Math.max(start, made),
                    earlier ? past.number() : end,
                    earlier ? past : change,
                    nested);
        }

        Walk via(Path.Nested part) {
            List<Path.Nested> more = new ArrayList<>(nested);
            more.add(part);
            return new Walk(rights, start, end, change, more);
        }
    }

    /** Walks for one linear address. What nested tables make of an address may be older than the tables that it is read from. */
    private final class Walking {
        private final GuestPaging nested;
        private final long linear;
        private final boolean past;
        private final Consumer<Path> paths;

        Walking(GuestPaging nested, long linear, boolean past, Consumer<Path> paths) {
            this.nested = nested;
            this.linear = linear;
            this.past = past;
            this.paths = paths;
        }

        void begin(GuestPaging paging) {
            if (paging == null) {
                nested(linear, Access.READ, Walk.START, (target, so) -> done(target, so, false, 12));
            } else {
                table(paging, paging.top(linear), paging.levels(), Walk.START);
            }
        }

        private void done(long target, Walk so, boolean global, int shift) {
            paths.accept(new Path(target, so.rights, global, shift, so.end, so.change, so.nested));
        }

        /** @param needed right that nested tables must grant, 0 for none */
        private void nested(long address, int needed, Walk so, BiTarget then) {
            if (nested == null) {
                then.at(address, so);
                return;
            }
            new Walking(null, address, past, path -> {
                        if ((path.rights() & needed) == needed) {
                            Path.Nested part =
                                    new Path.Nested(address, path.rights(), path.shift(), path.end(), path.change());
                            then.at(path.target(), so.via(part));
                        }
                    })
                    .begin(nested);
        }

        private void table(GuestPaging paging, long table, int level, Walk so) {
            if (table >= 0) {
                long at = paging.entryAddress(table, linear, level);
                nested(at, Access.READ, so, (word, now) -> entries(paging, word, level, now));
            }
        }

        private void entries(GuestPaging paging, long at, int level, Walk so) {
            watch(at);
            long present = paging.meaning(read(at, paging.entryBytes()));
            Deque<Change> of = past ? changes.get(at & -8) : null;
            if (of == null) {
                entry(paging, present, null, 0, level, so);
                return;
            }
            incomplete |= forgotten.contains(at & -8);
            // A value that an entry has had several times counts as there from the first of them to the last.
            Map<Long, Long> made = new HashMap<>();
            long since = 0;
            for (Change change : of) {
                made.putIfAbsent(paging.meaning(part(change.old(), at, paging.entryBytes())), since);
                since = change.number();
            }
            made.putIfAbsent(present, since);
            entry(paging, present, null, made.get(present), level, so);
            Set<Long> seen = new HashSet<>(Set.of(present));
            for (var it = of.descendingIterator(); it.hasNext(); ) {
                Change change = it.next();
                long entry = paging.meaning(part(change.old(), at, paging.entryBytes()));
                if (seen.add(entry) && so.reaches(change)) {
                    entry(paging, entry, change, made.get(entry), level, so);
                }
            }
        }

        private void entry(GuestPaging paging, long entry, Change change, long made, int level, Walk so) {
            if (!paging.present(entry) || past && left-- <= 0) {
                incomplete |= left <= 0;
                return;
            }
            Walk now = so.through(paging.rights(entry, level), change, made);
            if (paging.leaf(entry, level)) {
                boolean global = paging.global(entry);
                int shift = paging.shift(level);
                nested(paging.target(entry, linear, level), 0, now, (target, all) -> done(target, all, global, shift));
            } else {
                table(paging, paging.table(entry), level - 1, now);
            }
        }
    }

    /** Goes on at an address of L1's. */
    private interface BiTarget {
        void at(long address, Walk so);
    }
}
