package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import nestbox.core.Seed;
import nestbox.testkit.differential.Tables.Slot;

/**
 * Random steps that obey the manual's rules of invalidation (SDM Vol. 3, "Invalidation of TLBs and Paging-Structure Caches"): an
 * edit is followed by what it requires, on every processor before that one's next access. What the manual lets software leave out
 * is left out half of the time. A forgetful guest leaves out three required invalidations in four, and calls nothing, since stale
 * code could be anything.
 */
final class Generator {
    private static final long NO_FLUSH = 1L << 63;
    private static final int MOST_SINGLE = 6;

    private final Shape shape;
    private final Seed random;
    private final boolean invpcid;
    private final boolean forgetful;
    private final Tables tables;
    private final Entries entries;
    private final List<Step> steps = new ArrayList<>();
    private final Processor[] processors;
    private final Map<Long, Long> initial;
    private Processor now;

    /**
     * @param invpcid the processor has INVPCID and PCIDs
     * @param forgetful the guest leaves out invalidations
     */
    Generator(Shape shape, long seed, int cpus, boolean invpcid, boolean forgetful) {
        this.shape = shape;
        this.forgetful = forgetful;
        this.invpcid = invpcid;
        random = new Seed(seed);
        tables = new Tables(shape);
        entries = new Entries(tables, random);
        processors = new Processor[cpus];
        for (int i = 0; i < cpus; i++) {
            processors[i] = new Processor(i, shape);
        }
        now = processors[0];
        for (Slot slot : tables.slots) {
            if (random.nextInt(8) != 0) {
                tables.set(slot.address(), entries.linked(slot));
            }
        }
        initial = Map.copyOf(tables.contents());
    }

    /** A case of about {@code count} steps. */
    Case generate(int count) {
        while (steps.size() < count) {
            action();
        }
        return new Case(shape, processors.length, tables.roots[0], initial, List.copyOf(steps));
    }

    /** The steps of one more action. */
    List<Step> more() {
        int from = steps.size();
        action();
        return List.copyOf(steps.subList(from, steps.size()));
    }

    /** Entries of page tables at the start. */
    Map<Long, Long> start() {
        return initial;
    }

    long root() {
        return tables.roots[0];
    }

    private void emit(Op op, long a, long b, long c) {
        steps.add(new Step(op, now.id, a, b, c));
    }

    private boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    private <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private void action() {
        int choice = random.nextInt(100);
        if (choice < 28) {
            edit();
        } else if (choice < 76) {
            access();
        } else if (choice < 84) {
            switchSpace(1 - now.space);
        } else if (choice < 90) {
            control();
        } else if (choice < 93) {
            needlessInvalidation();
        } else if (choice < 96) {
            emit(word(), pick(tables.slots).address(), 0, 0);
        } else if (choice < 98) {
            emit(Op.PCI, 0x8000005bL, random.nextInt(4), 0);
        } else if (processors.length > 1) {
            now = processors[random.nextInt(processors.length)];
        } else {
            emit(Op.IPI, 0, 0, 0);
        }
        if (processors.length > 1 && chance(6)) {
            now = processors[random.nextInt(processors.length)];
        }
    }

    private Op word() {
        return shape.entryBytes == 8 && shape.wide ? Op.LOAD8 : Op.LOAD4;
    }

    // ---- accesses
    // -------------------------------------------------------------------------------------------------------

    private void settle() {
        if (now.stale) {
            flushAll();
        }
    }

    private void access() {
        settle();
        long page = pick(tables.pages);
        List<Long> path = tables.path(now.space, page, now.pageSizeExtension());
        long target = now.paging() ? tables.target(path, page) : page;
        boolean tame = target < 0 || Entries.isData(target);
        int choice = random.nextInt(10);
        if (choice < 2 && !forgetful && (target < 0 || Entries.isCode(target)) && now.paging()) {
            emit(chance(30) ? Op.USER_CALL : Op.CALL, page + Layout.CODE, 0, 0);
        } else if (choice < 6 && tame) {
            store(page, target);
        } else {
            load(page);
        }
    }

    private long offset(int bytes) {
        return chance(4) ? 0x1000 - 1 - random.nextInt(bytes) : (long) random.nextInt(0xfe0 / bytes) * bytes;
    }

    private void load(long page) {
        switch (random.nextInt(6)) {
            case 0 -> emit(Op.USER_LOAD, page + offset(4), 0, 0);
            case 1 -> emit(Op.LOAD1, page + offset(1), 0, 0);
            case 2 -> emit(Op.LOAD2, page + offset(2), 0, 0);
            case 3 -> emit(shape.wide ? Op.LOAD8 : Op.LOAD4, page + offset(4), 0, 0);
            case 4 -> emit(Op.COPY, page + offset(16), 0, 1 + random.nextInt(16));
            default -> emit(Op.LOAD4, page + offset(4), 0, 0);
        }
    }

    private void store(long page, long target) {
        // A page behind this one may be code or a table, so that stores do not cross.
        long value = random.nextLong() & 0x7fffffffL;
        long within = Entries.FIRST_DATA + (long) random.nextInt((0xfe0 - Entries.FIRST_DATA) / 8) * 8;
        switch (random.nextInt(7)) {
            case 0 -> emit(Op.USER_STORE, page + within, value, 0);
            case 1 -> emit(Op.STORE1, page + within, value, 0);
            case 2 -> emit(Op.STORE2, page + within + 1, value, 0);
            case 3 -> emit(shape.wide ? Op.STORE8 : Op.STORE4, page + within, value, 0);
            case 4 -> emit(Op.XADD, page + within, value, 0);
            case 5 -> emit(Op.STORE4, page + (Entries.isCode(target) ? Layout.CODE + 1 : within), value, 0);
            default -> emit(Op.STORE4, page + within, value, 0);
        }
    }

    // ---- edits
    // ----------------------------------------------------------------------------------------------------------

    private void edit() {
        Slot slot = pick(tables.slots);
        if (shape == Shape.PAE && slot.level() == 3) {
            editRegister(slot);
            return;
        }
        long old = tables.entry(slot.address());
        boolean present = (old & Tables.PRESENT) != 0;
        if (present && chance(25)) {
            grant(slot, old);
            return;
        }
        Set<Long> affected = present ? affected(slot) : Set.of();
        long value = entries.random(slot, now.noExecute());
        write(slot, value);
        if (!affected.isEmpty()) {
            invalidate(slot, affected);
        }
    }

    /** Adds rights, which needs no invalidation; the user bit is none of them, since SMAP and SMEP deny by it. */
    private void grant(Slot slot, long old) {
        emit(Op.OR, slot.address(), Tables.WRITABLE, 0);
        long value = old | Tables.WRITABLE;
        if (shape.entryBytes == 8 && (old & Tables.NO_EXECUTE) != 0 && chance(50)) {
            emit(Op.AND, slot.address() + 4, 0x7fffffff, 0);
            value &= ~Tables.NO_EXECUTE;
        }
        tables.set(slot.address(), value);
        if (chance(20)) {
            Set<Long> affected = affected(slot);
            if (!affected.isEmpty()) {
                invalidate(slot, affected);
            }
        }
    }

    private void write(Slot slot, long value) {
        tables.set(slot.address(), value);
        long at = slot.address();
        boolean one = shape.wide || shape.entryBytes == 4;
        long through = one && !forgetful && chance(40) ? mapping(at) : -1;
        if (through >= 0) {
            at = through;
        }
        if (shape.entryBytes == 4) {
            emit(Op.STORE4, at, value & 0xffffffffL, 0);
        } else if (shape.wide) {
            emit(Op.STORE8, at, value, 0);
        } else {
            // Not present in between, so that no half of an entry counts; through the identity map, which stays.
            emit(Op.STORE4, at, 0, 0);
            emit(Op.STORE4, at + 4, value >>> 32, 0);
            emit(Op.STORE4, at, value & 0xffffffffL, 0);
        }
    }

    /** A linear address of the zones that the present processor can store to and that leads to {@code physical}, or -1. */
    private long mapping(long physical) {
        if (now.stale || !now.paging()) {
            return -1;
        }
        for (long page : tables.pages) {
            List<Long> path = tables.path(now.space, page, now.pageSizeExtension());
            if (tables.target(path, page) >>> 12 == physical >>> 12 && entries.writable(path, now)) {
                return page | physical & 0xfff;
            }
        }
        return -1;
    }

    /** Pages of the zones whose walk in any space visits an entry. */
    private Set<Long> affected(Slot slot) {
        Set<Long> affected = new LinkedHashSet<>();
        for (long page : tables.pages) {
            for (int space = 0; space < Tables.SPACES; space++) {
                if (tables.visits(space, page, true, slot.address())
                        || shape == Shape.TWO_LEVEL && tables.visits(space, page, false, slot.address())) {
                    affected.add(page);
                }
            }
        }
        return affected;
    }

    /** A PDPTE in memory: the registers follow with the next load of CR3. */
    private void editRegister(Slot slot) {
        write(slot, entries.pdpte(slot));
        int space = slot.address() >>> 12 == tables.roots[0] >>> 12 ? 0 : 1;
        Processor editor = now;
        for (Processor processor : processors) {
            if (processor.space == space) {
                now = processor;
                switchSpace(space);
            }
        }
        now = editor;
    }

    // ---- invalidations
    // --------------------------------------------------------------------------------------------------

    private void invalidate(Slot slot, Set<Long> affected) {
        if (forgetful && chance(75)) {
            return;
        }
        for (Processor other : processors) {
            other.stale |= other != now;
        }
        if (now.stale) {
            return;
        }
        int way = random.nextInt(7);
        if (way == 6 || !now.paging()) {
            flushAll();
        } else if (way == 5 && invpcid) {
            emit(Op.INVPCID, 0, 0, 2);
            now.clean();
        } else if (slot.global()) {
            single(affected);
            now.dirty[1 - now.space] = now.pcids();
        } else {
            local(way, affected);
        }
    }

    private void single(Set<Long> affected) {
        if (affected.size() > MOST_SINGLE) {
            flushAll();
            return;
        }
        for (long page : affected) {
            emit(Op.INVLPG, page, 0, 0);
        }
    }

    /** Nothing of it is global. */
    private void local(int way, Set<Long> affected) {
        boolean pcids = now.pcids();
        int pcid = now.pcid(now.space);
        if (way == 0 && invpcid && affected.size() <= MOST_SINGLE) {
            for (long page : affected) {
                emit(Op.INVPCID, pcid, page, 0);
            }
        } else if (way == 1 && invpcid) {
            emit(Op.INVPCID, pcid, 0, 1);
        } else if (way == 2) {
            switchSpace(now.space);
        } else if (way == 3 && invpcid) {
            emit(Op.INVPCID, 0, 0, 3);
            now.dirty[0] = false;
            now.dirty[1] = false;
            return;
        } else {
            single(affected);
        }
        if (!pcids || now.dirty[1 - now.space]) {
            return;
        }
        int other = 1 - now.space;
        if (!invpcid || chance(50)) {
            now.dirty[other] = true;
        } else if (chance(50) && affected.size() <= MOST_SINGLE) {
            for (long page : affected) {
                emit(Op.INVPCID, other + 1, page, 0);
            }
        } else {
            emit(Op.INVPCID, other + 1, 0, 1);
        }
    }

    private void flushAll() {
        emit(Op.CR4, Processor.CR4_PGE, 0, 0);
        emit(Op.CR4, Processor.CR4_PGE, 0, 0);
        now.clean();
    }

    private void needlessInvalidation() {
        if (chance(50)) {
            emit(Op.INVLPG, pick(tables.pages) + random.nextInt(0x1000), 0, 0);
        } else if (invpcid) {
            // Of a PCID that is not legal without CR4.PCIDE, too.
            emit(Op.INVPCID, random.nextInt(3), pick(tables.pages), random.nextInt(5));
        }
    }

    private void switchSpace(int to) {
        boolean keep = now.pcids() && now.space != to && !now.dirty[to] && chance(60);
        now.space = to;
        emit(Op.CR3, tables.roots[to] | now.pcid(to) | (keep ? NO_FLUSH : 0), 0, 0);
        if (!keep) {
            now.dirty[to] = false;
        }
    }

    // ---- control registers
    // ----------------------------------------------------------------------------------------------

    private void control() {
        switch (random.nextInt(8)) {
            case 0, 1 -> {
                emit(Op.CR0, Processor.CR0_WP, 0, 0);
                now.cr0 ^= Processor.CR0_WP;
            }
            case 2 -> toggle(Processor.CR4_SMEP);
            case 3 -> toggle(Processor.CR4_SMAP);
            case 4 -> {
                emit(Op.EFER, Processor.EFER_NXE, 0, 0);
                now.efer ^= Processor.EFER_NXE;
                flushAll();
            }
            case 5 -> {
                if (shape.wide) {
                    togglePcids();
                } else {
                    togglePaging();
                }
            }
            case 6 -> {
                if (shape == Shape.TWO_LEVEL) {
                    toggle(Processor.CR4_PSE);
                    flushAll();
                } else {
                    toggle(Processor.CR4_PGE);
                    now.clean();
                }
            }
            default -> illegal();
        }
    }

    private void toggle(long bit) {
        emit(Op.CR4, bit, 0, 0);
        now.cr4 ^= bit;
    }

    private void togglePcids() {
        if (!invpcid) {
            return;
        }
        if (now.pcids()) {
            toggle(Processor.CR4_PCIDE);
            now.clean();
            return;
        }
        switchSpace(now.space);
        toggle(Processor.CR4_PCIDE);
        switchSpace(now.space);
        now.dirty[1 - now.space] = false;
    }

    private void togglePaging() {
        emit(Op.CR0, Processor.CR0_PG, 0, 0);
        now.cr0 ^= Processor.CR0_PG;
        if (!now.paging()) {
            now.clean();
        }
    }

    /** What raises #GP and changes nothing. */
    private void illegal() {
        switch (random.nextInt(3)) {
            case 0 -> emit(Op.CR4, 1L << 31, 0, 0);
            case 1 -> emit(Op.EFER, 1 << 1, 0, 0);
            default -> emit(Op.CR3, shape.wide ? tables.roots[now.space] | 1L << 62 : tables.roots[now.space], 0, 0);
        }
    }
}
