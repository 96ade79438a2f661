package nestbox.l0.ledger;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
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

    private static final int PAGE = 4096;
    private static final int PRESENT = 1;

    private final PhysicalMemory memory;
    private final long offset;
    private final Numbers numbers;
    private final Supplier<String> writer;
    private final Set<Long> tables = new HashSet<>();
    private final Map<Long, Deque<Change>> changes = new HashMap<>();

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

    /** The walk through present entries; null if it ends without a leaf. Its tables are watched from now on. */
    Path present(GuestPaging paging, long linear) {
        Path[] found = {null};
        walk(paging, linear, paging.top(linear), paging.levels(), Walk.START, false, path -> found[0] = path);
        return found[0];
    }

    /** Walks through present and past entries. */
    void past(GuestPaging paging, long linear, Consumer<Path> paths) {
        walk(paging, linear, paging.top(linear), paging.levels(), Walk.START, true, paths);
    }

    /** What a walk has come to so far; {@code start} is the write that made the youngest of its entries. */
    private record Walk(int rights, long start, long end, Change change) {
        static final Walk START = new Walk(Access.WRITE | Access.USER | Access.EXECUTE, 0, Path.NOW, null);

        /** A processor reads an entry behind those above it, so one that was gone before they came is none of their path. */
        boolean reaches(Change past) {
            return start < past.number();
        }

        Walk through(long entry, GuestPaging paging, int level, Change past, long made) {
            int here = rights;
            if (paging.hasRights(level)) {
                here &= (entry & 2) != 0 ? -1 : ~Access.WRITE;
                here &= (entry & 4) != 0 ? -1 : ~Access.USER;
                here &= entry >= 0 || !paging.noExecute() ? -1 : ~Access.EXECUTE;
            }
            boolean earlier = past != null && past.number() < end;
            return new Walk(here, Math.max(start, made), earlier ? past.number() : end, earlier ? past : change);
        }
    }

    private void walk(
            GuestPaging paging, long linear, long table, int level, Walk so, boolean past, Consumer<Path> paths) {
        if (table < 0) {
            return;
        }
        watch(table);
        long at = paging.entryAddress(table, linear, level);
        long present = read(at, paging.entryBytes());
        Deque<Change> of = past ? changes.get(at & -8) : null;
        if (of == null) {
            step(paging, linear, present, null, 0, level, so, past, paths);
            return;
        }
        // A value that an entry has had several times counts as there from the first of them to the last.
        Map<Long, Long> made = new HashMap<>();
        long since = 0;
        for (Change change : of) {
            made.putIfAbsent(part(change.old(), at, paging.entryBytes()), since);
            since = change.number();
        }
        made.putIfAbsent(present, since);
        step(paging, linear, present, null, made.get(present), level, so, true, paths);
        Set<Long> seen = new HashSet<>();
        for (var it = of.descendingIterator(); it.hasNext(); ) {
            Change change = it.next();
            long entry = part(change.old(), at, paging.entryBytes());
            if (seen.add(entry) && so.reaches(change)) {
                step(paging, linear, entry, change, made.get(entry), level, so, true, paths);
            }
        }
    }

    private void step(
            GuestPaging paging,
            long linear,
            long entry,
            Change change,
            long made,
            int level,
            Walk so,
            boolean past,
            Consumer<Path> paths) {
        if ((entry & PRESENT) == 0) {
            return;
        }
        Walk now = so.through(entry, paging, level, change, made);
        if (paging.leaf(entry, level)) {
            boolean global = (entry & 1 << 8) != 0 && paging.globals();
            paths.accept(new Path(
                    paging.target(entry, linear, level), now.rights, global, paging.shift(level), now.end, now.change));
        } else {
            walk(paging, linear, paging.table(entry), level - 1, now, past, paths);
        }
    }
}
