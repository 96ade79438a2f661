package nestbox.l0.ledger;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import nestbox.l0.ledger.CheckReport.Invalidation;
import nestbox.l0.ledger.CheckReport.Nearest;
import nestbox.l0.ledger.CheckReport.Verdict;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.mem.TranslationObserver;

/** The ledger of one processor: its invalidations, the top tables that it has used, and the judgement of each use. */
public final class Judge implements TranslationObserver {
    private static final int MOST_EVENTS = 1 << 14;

    private final TlbLedger ledger;
    private final TableHistory history;
    private final int id;
    private final Cpu registers;
    private final long offset;
    private final boolean pdptesInMemory;
    private final BooleanSupplier judged;
    private final BooleanSupplier runs;
    private final List<Invalidation> events = new ArrayList<>();
    /** Top tables by PCID and root, with the number of the event at which each was in use last. */
    private final Map<List<Long>, Used> roots = new HashMap<>();

    private record Used(GuestPaging paging, long last) {}

    Judge(
            TlbLedger ledger,
            TableHistory history,
            int id,
            Cpu registers,
            long offset,
            boolean pdptesInMemory,
            BooleanSupplier judged,
            BooleanSupplier runs) {
        this.ledger = ledger;
        this.history = history;
        this.id = id;
        this.registers = registers;
        this.offset = offset;
        this.pdptesInMemory = pdptesInMemory;
        this.judged = judged;
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
        if (judged.getAsBoolean()) {
            note(scope, pcid, linear);
        }
    }

    /** SDM Vol. 3, "Invalidating Cached Translation Information": a VM entry or exit without VPID drops every translation of VPID 0. */
    public void everythingInvalidated() {
        note(Scope.ALL, 0, 0);
    }

    private void note(Scope scope, int pcid, long linear) {
        if (scope == Scope.ALL) {
            events.clear();
            roots.clear();
        } else if (events.size() == MOST_EVENTS) {
            events.subList(0, MOST_EVENTS / 2).clear();
        }
        events.add(new Invalidation(ledger.next(), ledger.time(), scope, pcid, linear));
    }

    /** An observer of the port by which L0 emulates this processor: invalidations by instructions that L0 carries out. */
    public TranslationObserver emulated(BooleanSupplier ofTheGuest) {
        return new TranslationObserver() {
            @Override
            public void used(Cpu cpu, long linear, int access, long physical) {
                // The emulator walks anew each time.
            }

            @Override
            public void invalidated(Cpu cpu, Scope scope, int pcid, long linear) {
                if (ofTheGuest.getAsBoolean()) {
                    note(scope, pcid, linear);
                }
            }
        };
    }

    @Override
    public void used(Cpu cpu, long linear, int access, long physical) {
        if (judged.getAsBoolean()) {
            used(linear, access, physical - offset, (cpu.systemFlags & Flags.AC) != 0);
        }
    }

    /** A use that led to a guest-physical address, such as a device's that a cache of L0 names; {@code lifted} is EFLAGS.AC. */
    public void used(long linear, int access, long target, boolean lifted) {
        GuestPaging paging = GuestPaging.of(registers, pdptesInMemory);
        if (paging == null) {
            return;
        }
        roots.put(key(paging), new Used(paging, ledger.next()));
        Path fresh = history.present(paging, linear);
        if (fresh != null && fresh.target() == target && fresh.permits(access, paging, lifted)) {
            return;
        }
        judge(paging, linear, access, target, lifted);
    }

    private static List<Long> key(GuestPaging paging) {
        List<Long> key = new ArrayList<>(List.of((long) paging.pcid(), paging.root(), (long) paging.levels()));
        if (paging.pdptes() != null) {
            for (long pdpte : paging.pdptes()) {
                key.add(pdpte);
            }
        }
        return key;
    }

    private void judge(GuestPaging paging, long linear, int access, long target, boolean lifted) {
        Path[] best = {null};
        Path[] covered = {null};
        Invalidation[] by = {null};
        Nearest[] nearest = {Nearest.NOTHING};
        for (Used used : roots.values()) {
            history.past(used.paging, linear, path -> {
                boolean sameContext = used.paging.pcid() == paging.pcid();
                if (path.target() != target) {
                    return;
                }
                boolean permitted = path.permits(access, paging, lifted);
                if (!permitted || !sameContext && !path.global()) {
                    boolean other = permitted || nearest[0] == Nearest.OTHER_PCID;
                    nearest[0] = other ? Nearest.OTHER_PCID : Nearest.FEWER_RIGHTS;
                    return;
                }
                long end = Math.min(path.end(), used.last);
                Invalidation covers = coveringAfter(end, path, paging.pcid(), linear);
                if (covers == null) {
                    best[0] = newer(best[0], path);
                } else if (covered[0] == null || covered[0].end() < path.end()) {
                    covered[0] = path;
                    by[0] = covers;
                }
            });
        }
        boolean outside = target < 0;
        if (best[0] != null) {
            ledger.report(new CheckReport(
                    Verdict.PERMITTED, id, linear, target, ledger.time(), best[0].change(), null, nearest[0]));
        } else {
            ledger.report(new CheckReport(
                    Verdict.FAULT,
                    id,
                    linear,
                    outside ? -1 : target,
                    ledger.time(),
                    covered[0] == null ? null : covered[0].change(),
                    by[0],
                    nearest[0]));
        }
    }

    private static Path newer(Path a, Path b) {
        return a == null || a.end() < b.end() ? b : a;
    }

    /** The first invalidation behind an event that covers a path's translation, or null. */
    private Invalidation coveringAfter(long number, Path path, int pcid, long linear) {
        for (Invalidation event : events) {
            if (event.number() > number && covers(event, path, pcid, linear)) {
                return event;
            }
        }
        return null;
    }

    /** SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure Caches". */
    private static boolean covers(Invalidation event, Path path, int pcid, long linear) {
        boolean samePage = event.linear() >>> path.shift() == linear >>> path.shift();
        return switch (event.scope()) {
            case ADDRESS -> samePage && (path.global() || event.pcid() == pcid);
            case ADDRESS_OF_PCID -> samePage && !path.global() && event.pcid() == pcid;
            case CONTEXT -> !path.global() && event.pcid() == pcid;
            case CONTEXT_AND_GLOBAL -> path.global() || event.pcid() == pcid;
            case ALL_BUT_GLOBAL -> !path.global();
            case ALL -> true;
        };
    }
}
