package nestbox.l0.ledger;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import nestbox.l0.ledger.CheckReport.Change;
import nestbox.l0.ledger.CheckReport.Nearest;
import nestbox.l0.ledger.CheckReport.Verdict;
import nestbox.l0.ledger.Invalidation.Kind;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.mem.TranslationObserver;

/** The ledger of one processor: its invalidations, the top tables that it has used, and the judgement of each use. */
public final class Judge implements TranslationObserver {
    private static final int MOST_EVENTS = 1 << 14;
    private static final int MOST_ROOTS = 1 << 10;
    private static final long ADDRESS = 0x000ffffffffff000L;

    private final TlbLedger ledger;
    private final TableHistory history;
    private final int id;
    private final Cpu registers;
    private final long offset;
    private final boolean pdptesInMemory;
    private final Supplier<World> world;
    private final BooleanSupplier runs;
    private final List<Invalidation> events = new ArrayList<>();
    /** Number of the last event that is remembered no more. */
    private long forgotten;
    /** Top tables by world, PCID and root, with the numbers of the events at which each was in use first and last. */
    private final Map<List<Object>, Used> roots = new HashMap<>();

    private boolean rootsForgotten;
    /** Number of the last flush of everything by the world's tag. */
    private final Map<Long, Long> flushes = new HashMap<>();

    private record Used(World world, GuestPaging paging, long first, long last) {
        int pcid() {
            return paging == null ? 0 : paging.pcid();
        }

        GuestPaging nested() {
            return world.second() == null ? null : world.second().paging();
        }
    }

    Judge(
            TlbLedger ledger,
            TableHistory history,
            int id,
            Cpu registers,
            long offset,
            boolean pdptesInMemory,
            Supplier<World> world,
            BooleanSupplier runs) {
        this.ledger = ledger;
        this.history = history;
        this.id = id;
        this.registers = registers;
        this.offset = offset;
        this.pdptesInMemory = pdptesInMemory;
        this.world = world;
        this.runs = runs;
    }

    int id() {
        return id;
    }

    boolean runs() {
        return runs.getAsBoolean();
    }

    @Override
    public void invalidated(Cpu cpu, Scope scope, int pcid, long linear) {
        invalidated(world.get(), scope, pcid, linear);
    }

    private void invalidated(World of, Scope scope, int pcid, long linear) {
        if (of != null) {
            note(Kind.INSTRUCTION, scope, of.tag(), pcid, linear, 0);
        }
    }

    /** SDM Vol. 3, "Invalidating Cached Translation Information": a VM entry or exit without VPID drops every translation of VPID 0. */
    public void transition() {
        note(Kind.TRANSITION, Scope.ALL, 0, 0, 0, 0);
    }

    /** L1 has invalidated translations of its guests. */
    public void ofGuests(Kind kind, long tag, long address) {
        note(kind, Scope.ALL, tag, 0, kind == Kind.INVEPT ? address & ADDRESS : address, 0);
    }

    /** L1 sees an EPT violation. */
    public void violated(long eptp, long address) {
        note(Kind.EPT_VIOLATION, Scope.ADDRESS, 0, 0, address, eptp & ADDRESS);
    }

    private void note(Kind kind, Scope scope, long tag, int pcid, long address, long root) {
        boolean whole = kind == Kind.TRANSITION || kind == Kind.INSTRUCTION && scope == Scope.ALL;
        if (whole) {
            events.removeIf(event -> event.tag() == tag && (event.kind() == Kind.INSTRUCTION || event.kind() == kind));
            flushes.put(tag, ledger.next());
        }
        if (events.size() == MOST_EVENTS) {
            List<Invalidation> oldest = events.subList(0, MOST_EVENTS / 2);
            forgotten = oldest.get(oldest.size() - 1).number();
            oldest.clear();
        }
        events.add(new Invalidation(ledger.next(), ledger.time(), kind, scope, tag, pcid, address, root));
    }

    /** An observer of the port by which L0 emulates this processor: invalidations by instructions that L0 carries out. */
    public TranslationObserver emulated(Supplier<World> by) {
        return new TranslationObserver() {
            @Override
            public void used(Cpu cpu, long linear, int access, long physical) {
                // The emulator walks anew each time.
            }

            @Override
            public void invalidated(Cpu cpu, Scope scope, int pcid, long linear) {
                Judge.this.invalidated(by.get(), scope, pcid, linear);
            }
        };
    }

    @Override
    public void used(Cpu cpu, long linear, int access, long physical) {
        World now = world.get();
        if (now != null) {
            used(now, linear, access, physical - offset, (cpu.systemFlags & Flags.AC) != 0);
        }
    }

    /** A use that led to a guest-physical address, such as a device's that a cache of L0 names; {@code lifted} is EFLAGS.AC. */
    public void used(World now, long linear, int access, long target, boolean lifted) {
        GuestPaging paging = GuestPaging.of(registers, pdptesInMemory);
        if (paging == null && now.second() == null) {
            return;
        }
        Used context = inUse(now, paging);
        Path fresh = history.present(paging, context.nested(), linear);
        if (fresh != null && fresh.target() == target && fresh.permits(access, paging, lifted)) {
            return;
        }
        new Judgement(context, linear, access, target, lifted).pass();
    }

    private Used inUse(World of, GuestPaging paging) {
        List<Object> key = key(of, paging);
        Used before = roots.get(key);
        long number = ledger.next();
        Used now = new Used(of, paging, before == null ? number : before.first, number);
        if (before == null && roots.size() >= MOST_ROOTS) {
            forgetRoots();
        }
        roots.put(key, now);
        return now;
    }

    /** Of tables that were in use before a flush of everything nothing may be cached: they only help to tell what went wrong. */
    private void forgetRoots() {
        roots.values().removeIf(used -> used.last < flushes.getOrDefault(used.world.tag(), 0L));
        if (roots.size() >= MOST_ROOTS) {
            roots.clear();
            rootsForgotten = true;
        }
    }

    private static List<Object> key(World of, GuestPaging paging) {
        List<Object> key = new ArrayList<>(List.of(of.tag(), of.root()));
        if (paging != null) {
            key.addAll(List.of(paging.pcid(), paging.root(), paging.levels()));
            if (paging.pdptes() != null) {
                for (long pdpte : paging.pdptes()) {
                    key.add(pdpte);
                }
            }
        }
        return key;
    }

    /** Looks for an explanation of one use. */
    private final class Judgement {
        private final Used context;
        private final long linear;
        private final int access;
        private final long target;
        private final boolean lifted;
        /** The youngest path that the guest permits, and since when it is past. */
        private Path permitted;

        private long permittedEnd;
        /** The youngest path that an invalidation covers. */
        private Path covered;

        private Invalidation by;
        private Change stale;
        private Nearest nearest = Nearest.NOTHING;
        private boolean incomplete = rootsForgotten;

        Judgement(Used context, long linear, int access, long target, boolean lifted) {
            this.context = context;
            this.linear = linear;
            this.access = access;
            this.target = target;
            this.lifted = lifted;
        }

        void pass() {
            for (Used used : List.copyOf(roots.values())) {
                if (used.paging == null == (context.paging == null)) {
                    history.past(used.paging, used.nested(), linear, path -> look(used, path));
                    incomplete |= history.incomplete();
                }
            }
            Verdict verdict = permitted != null
                    ? permittedEnd < forgotten ? Verdict.NOT_JUDGED : Verdict.PERMITTED
                    : incomplete ? Verdict.NOT_JUDGED : Verdict.FAULT;
            Change change = permitted != null ? permitted.last() : stale;
            ledger.report(new CheckReport(
                    verdict,
                    id,
                    context.world != World.L1,
                    linear,
                    Math.max(target, -1),
                    ledger.time(),
                    change,
                    permitted != null ? null : by,
                    nearest));
        }

        private void look(Used used, Path path) {
            // What was gone before these tables came into use was never cached of them.
            if (path.target() != target || path.end() < used.first) {
                return;
            }
            boolean shared = context.world.shares(used.world);
            boolean sameContext = used.pcid() == context.pcid() || path.global();
            boolean permits = path.permits(access, context.paging, lifted);
            if (!permits || !shared || !sameContext) {
                note(!permits ? Nearest.FEWER_RIGHTS : !shared ? Nearest.OTHER_WORLD : Nearest.OTHER_PCID);
                return;
            }
            long first = Math.min(path.end(), used.last);
            Invalidation covers = coveringFirst(first, path);
            Change change = path.change();
            for (Path.Nested part : path.nested()) {
                long end = used.world.root() == context.world.root() ? part.end() : Math.min(part.end(), used.last);
                first = Math.min(first, end);
                if (covers == null) {
                    covers = coveringSecond(end, part, path.global());
                    change = part.change();
                }
            }
            if (covers == null) {
                if (permitted == null || permittedEnd < first) {
                    permitted = path;
                    permittedEnd = first;
                }
            } else if (covered == null || covered.firstEnd() < path.firstEnd()) {
                covered = path;
                by = covers;
                stale = change;
            }
        }

        private void note(Nearest other) {
            nearest = other.compareTo(nearest) > 0 ? other : nearest;
        }

        private Invalidation coveringFirst(long number, Path path) {
            for (Invalidation event : events) {
                if (event.number() > number && event.coversFirstStage(path, context.world, context.pcid(), linear)) {
                    return event;
                }
            }
            return null;
        }

        private Invalidation coveringSecond(long number, Path.Nested part, boolean global) {
            for (Invalidation event : events) {
                if (event.number() > number && event.coversSecondStage(part, global, context.world)) {
                    return event;
                }
            }
            return null;
        }
    }
}
