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

    private final Seed random;
    final Traits traits;
    private final boolean forgetful;
    /** The paging modes that the guest switches between, the one at the start first. */
    final List<View> views = new ArrayList<>();

    private final int firstView;
    private final List<Step> steps = new ArrayList<>();
    final Processor[] processors;
    private final Map<Long, Long> initial;
    /** Null for a guest that stays in its paging mode and is not interrupted. */
    private final Excursions excursions;

    /** Who takes the next step, and its paging mode. */
    Processor now;

    Shape shape;
    Tables tables;
    private Entries entries;

    /** Page tables in one paging mode. */
    record View(Shape shape, Tables tables, Entries entries) {}

    /**
     * A guest that stays in its paging mode.
     *
     * @param invpcid the processor has INVPCID and PCIDs
     * @param forgetful the guest leaves out invalidations
     */
    Generator(Shape shape, long seed, int cpus, boolean invpcid, boolean forgetful) {
        this(shape, seed, cpus, Traits.simple(invpcid), forgetful, false);
    }

    /** @param excursions the guest switches between paging modes, too, enters real mode and is interrupted */
    Generator(Shape shape, long seed, int cpus, Traits traits, boolean forgetful, boolean excursions) {
        this.traits = traits;
        this.forgetful = forgetful;
        random = new Seed(seed);
        addViews(shape, excursions);
        firstView = views.get(0).shape == shape ? 0 : 1;
        processors = new Processor[cpus];
        for (int i = 0; i < cpus; i++) {
            processors[i] = new Processor(i, shape);
            processors[i].view = firstView;
        }
        this.excursions = excursions ? new Excursions(this, random) : null;
        turn(processors[0]);
        initial = Map.copyOf(tables.contents());
    }

    private void addViews(Shape first, boolean all) {
        if (all && !first.wide) {
            addView(Shape.TWO_LEVEL, null);
            addView(Shape.PAE, views.get(0).tables);
        } else {
            addView(first, null);
            if (all && traits.fiveLevels()) {
                addView(first == Shape.FIVE_LEVEL ? Shape.FOUR_LEVEL : Shape.FIVE_LEVEL, views.get(0).tables);
            }
        }
    }

    private void addView(Shape of, Tables beside) {
        Tables its = new Tables(of, beside);
        View view = new View(of, its, new Entries(its, random, traits));
        views.add(view);
        for (Slot slot : its.slots) {
            if (random.nextInt(8) != 0) {
                its.set(slot.address(), view.entries.linked(slot));
            }
        }
    }

    /** The next steps are this processor's. */
    void turn(Processor processor) {
        now = processor;
        View view = views.get(now.view);
        shape = view.shape;
        tables = view.tables;
        entries = view.entries;
    }

    /** A case of about {@code count} steps. */
    Case generate(int count) {
        while (steps.size() < count) {
            action();
        }
        View first = views.get(firstView);
        return new Case(first.shape, processors.length, first.tables.roots[0], initial, List.copyOf(steps));
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

    void emit(Op op, long a, long b, long c) {
        steps.add(new Step(op, now.id, a, b, c));
    }

    boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    <T> T pick(List<T> list) {
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
        } else if (excursions != null) {
            excursions.action();
        } else if (processors.length > 1) {
            turn(pick(List.of(processors)));
        } else {
            emit(Op.IPI, 0, 0, 0);
        }
        if (processors.length > 1 && chance(6)) {
            turn(pick(List.of(processors)));
        }
    }

    private Op word() {
        return shape.entryBytes == 8 && shape.wide ? Op.LOAD8 : Op.LOAD4;
    }

    // ---- accesses
    // -------------------------------------------------------------------------------------------------------

    void settle() {
        if (now.stale) {
            flushAll();
        }
    }

    private void access() {
        settle();
        long page = pick(tables.pages);
        List<Long> path = tables.path(now.space, page, now.pageSizeExtension());
        long target = now.paging() ? tables.target(path, page) : page;
        // By PDPTEs that are in the registers alone it may lead anywhere.
        boolean known = !now.deferred;
        boolean tame = known && (target < 0 || Entries.isData(target));
        int choice = random.nextInt(10);
        if (choice < 2 && known && !forgetful && (target < 0 || Entries.isCode(target)) && now.paging()) {
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
        switch (random.nextInt(8)) {
            case 0 -> emit(Op.USER_LOAD, page + offset(4), 0, 0);
            case 5 -> emit(excursions == null ? Op.LOAD4 : Op.AC_LOAD, page + offset(4), 0, 0);
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
        switch (random.nextInt(8)) {
            case 6 -> emit(excursions == null ? Op.STORE4 : Op.CMPXCHG, page + within, value, 0);
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
        if (views.size() > 1 && chance(8)) {
            editElsewhere();
            return;
        }
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
        boolean one = shape.wide || shape.entryBytes == 4;
        long through = one && !forgetful && chance(40) ? mapping(slot.address()) : -1;
        store(shape, through >= 0 ? through : slot.address(), value);
    }

    private void store(Shape shape, long at, long value) {
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

    /** An entry of the paging mode that the present processor is not in. */
    private void editElsewhere() {
        View other = views.get(1 - now.view);
        Slot slot = pick(other.tables.slots);
        boolean pointer = other.shape == Shape.PAE && slot.level() == 3;
        long value = pointer ? other.entries.pdpte(slot) : other.entries.random(slot, now.noExecute());
        boolean used = List.of(processors).stream().anyMatch(p -> p.view != now.view);
        if (pointer && used) {
            return;
        }
        other.tables.set(slot.address(), value);
        store(other.shape, slot.address(), value);
        for (Processor processor : processors) {
            processor.stale |= processor.view != now.view;
        }
    }

    /** A linear address of the zones that the present processor can store to and that leads to {@code physical}, or -1. */
    private long mapping(long physical) {
        if (now.stale || now.deferred || !now.paging()) {
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
        if (traits.pdpteRegisters() && chance(15)) {
            illegalPdpte(slot);
            return;
        }
        write(slot, entries.pdpte(slot));
        int space = slot.address() >>> 12 == tables.roots[0] >>> 12 ? 0 : 1;
        Processor editor = now;
        for (Processor processor : processors) {
            if (processor.space == space && processor.view == editor.view) {
                turn(processor);
                if (traits.pdpteRegisters() && !forgetful && chance(40)) {
                    now.deferred = true;
                } else {
                    switchSpace(space);
                }
            }
        }
        turn(editor);
    }

    /** A PDPTE with a reserved bit: loading CR3 raises #GP, and the registers stay (SDM Vol. 3, "PDPTE Registers"). */
    private void illegalPdpte(Slot slot) {
        long good = tables.entry(slot.address());
        long[] bits = {1 << 1, 1 << 2, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1L << 52, 1L << 63};
        write(slot, entries.pdpte(slot) | Tables.PRESENT | bits[random.nextInt(bits.length)]);
        int space = slot.address() >>> 12 == tables.roots[0] >>> 12 ? 0 : 1;
        if (now.paging()) {
            emit(Op.CR3, tables.roots[space], 0, 0);
        }
        write(slot, good);
    }

    // ---- invalidations
    // --------------------------------------------------------------------------------------------------

    private void invalidate(Slot slot, Set<Long> affected) {
        if (forgetful && chance(75)) {
            return;
        }
        for (Processor other : processors) {
            if (other != now && (excursions == null || !excursions.shoot(other, slot, affected))) {
                other.stale = true;
            }
        }
        if (now.stale) {
            return;
        }
        int way = random.nextInt(7);
        if (way == 6 || !now.paging() || now.deferred) {
            flushAll();
        } else if (way == 5 && traits.invpcid()) {
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
        if (way == 0 && traits.invpcid() && affected.size() <= MOST_SINGLE) {
            for (long page : affected) {
                emit(Op.INVPCID, pcid, page, 0);
            }
        } else if (way == 1 && traits.invpcid()) {
            emit(Op.INVPCID, pcid, 0, 1);
        } else if (way == 2) {
            switchSpace(now.space);
        } else if (way == 3 && traits.invpcid()) {
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
        if (!traits.invpcid() || chance(50)) {
            now.dirty[other] = true;
        } else if (chance(50) && affected.size() <= MOST_SINGLE) {
            for (long page : affected) {
                emit(Op.INVPCID, other + 1, page, 0);
            }
        } else {
            emit(Op.INVPCID, other + 1, 0, 1);
        }
    }

    void flushAll() {
        emit(Op.CR4, Processor.CR4_PGE, 0, 0);
        emit(Op.CR4, Processor.CR4_PGE, 0, 0);
        now.clean();
    }

    private void needlessInvalidation() {
        if (chance(50)) {
            emit(Op.INVLPG, pick(tables.pages) + random.nextInt(0x1000), 0, 0);
        } else if (excursions != null || traits.invpcid()) {
            // Of a PCID that is not legal without CR4.PCIDE, too.
            emit(Op.INVPCID, random.nextInt(3), pick(tables.pages), random.nextInt(5));
        }
    }

    void switchSpace(int to) {
        boolean keep = now.pcids() && now.space != to && !now.dirty[to] && chance(60);
        now.space = to;
        emit(Op.CR3, tables.roots[to] | now.pcid(to) | (keep ? NO_FLUSH : 0), 0, 0);
        now.deferred &= !now.paging();
        if (!keep) {
            now.dirty[to] = false;
        }
    }

    // ---- control registers
    // ----------------------------------------------------------------------------------------------

    private void control() {
        switch (random.nextInt(excursions == null ? 8 : 10)) {
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
            case 8 -> keys();
            default -> illegal();
        }
    }

    /** Of a bit that the processor lacks this raises #GP. Those that are toggled load PDPTEs, too, but for SMAP, PCIDE and PKE. */
    void toggle(long bit) {
        emit(Op.CR4, bit, 0, 0);
        if (traits.hasCr4(bit)) {
            now.cr4 ^= bit;
            now.deferred &= bit == Processor.CR4_SMAP || !now.paging();
        }
    }

    /** Protection keys, which no invalidation goes with. */
    private void keys() {
        if (chance(30)) {
            toggle(Processor.CR4_PKE);
        } else {
            emit(Op.WRPKRU, random.nextLong() & random.nextLong() & 0xfffffffcL, 0, 0);
        }
    }

    private void togglePcids() {
        if (!traits.pcid()) {
            if (excursions != null) {
                toggle(Processor.CR4_PCIDE);
            }
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
        now.deferred = false;
        if (!now.paging()) {
            now.clean();
        }
    }

    /** What raises #GP and changes nothing. */
    private void illegal() {
        switch (random.nextInt(excursions == null ? 3 : 4)) {
            case 0 -> emit(Op.CR4, 1L << 31, 0, 0);
            case 1 -> emit(Op.EFER, 1 << 1, 0, 0);
            case 2 -> {
                // Loads CR3 where no bit of it is reserved.
                emit(Op.CR3, shape.wide ? tables.roots[now.space] | 1L << 62 : tables.roots[now.space], 0, 0);
                now.deferred &= !now.paging();
            }
            default -> excursions.illegal();
        }
    }
}
