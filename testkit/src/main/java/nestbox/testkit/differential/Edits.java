package nestbox.testkit.differential;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import nestbox.core.Seed;
import nestbox.testkit.differential.Generator.View;
import nestbox.testkit.differential.Tables.Slot;

/** Steps that change page tables. */
final class Edits {
    /** Percentage of edits that the last access went through. */
    private static final int LOCAL = 40;

    private final Generator guest;
    private final Seed random;

    Edits(Generator guest, Seed random) {
        this.guest = guest;
        this.random = random;
    }

    void edit() {
        if (guest.views.size() > 1 && guest.chance(8)) {
            editElsewhere();
            return;
        }
        if (guest.excursions != null && guest.chance(8)) {
            editOther();
            return;
        }
        Slot slot = guest.chance(LOCAL) ? onPath() : guest.pick(guest.tables.slots);
        if (guest.shape == Shape.PAE && slot.level() == 3) {
            editRegister(slot);
            return;
        }
        long old = guest.tables.entry(slot.address());
        boolean present = (old & Tables.PRESENT) != 0;
        if (present && guest.chance(25)) {
            grant(slot, old);
            return;
        }
        Set<Long> affected = present ? affected(slot) : Set.of();
        long value = guest.entries.random(slot, guest.now.noExecute());
        write(slot, value);
        if (!affected.isEmpty()) {
            guest.invalidations.invalidate(slot, affected);
            guest.accesses.recent = guest.pick(List.copyOf(affected));
        }
    }

    /** An entry that the last access went through. */
    private Slot onPath() {
        List<Slot> there = onPath(guest.now.space, guest.accesses.recent);
        return guest.pick(there.isEmpty() ? guest.tables.slots : there);
    }

    private List<Slot> onPath(int space, long page) {
        List<Long> path = guest.tables.path(space, page, guest.now.pageSizeExtension());
        return guest.tables.slots.stream()
                .filter(slot -> path.contains(slot.address()))
                .toList();
    }

    /** What the address space maps that the processor is not in, which it enters then. */
    private void editOther() {
        int from = guest.now.space;
        int to = 1 - from;
        long page = guest.pick(guest.tables.pages);
        Slot slot = onPathOf(to, page);
        if (slot == null) {
            return;
        }
        if (guest.chance(50)) {
            guest.controls.switchSpace(to);
            guest.accesses.visit(page);
            guest.controls.switchSpace(from);
        }
        Set<Long> affected = affected(slot);
        write(slot, guest.entries.random(slot, guest.now.noExecute()));
        guest.invalidations.invalidate(slot, affected);
        guest.controls.switchSpace(to);
        guest.accesses.visit(page);
    }

    /**
     * Sets CR4.PCIDE, which leaves PCID 0 as it was. Of the address space that the processor is not in nothing is cached there: what
     * changes in it needs no invalidation, nor does CR3 when the processor enters it.
     */
    void editUncached() {
        int from = guest.now.space;
        int to = 1 - from;
        long page = guest.pick(guest.tables.pages);
        guest.controls.switchSpace(to);
        guest.accesses.visit(page);
        guest.controls.switchSpace(from);
        Slot slot = onPathOf(to, page);
        if (slot != null && !slot.global()) {
            long value = guest.entries.random(slot, guest.now.noExecute());
            guest.tables.set(slot.address(), value);
            store(guest.shape, slot.address(), value);
            guest.invalidations.others();
        }
        guest.controls.setPcids();
        guest.controls.enterUncached(to);
        guest.accesses.visit(page);
    }

    /** An entry by which a page goes in an address space, or null. */
    private Slot onPathOf(int space, long page) {
        List<Slot> there = onPath(space, page);
        Slot slot = there.isEmpty() ? null : guest.pick(there);
        return slot == null || guest.shape == Shape.PAE && slot.level() == 3 ? null : slot;
    }

    /** Adds rights, which needs no invalidation; the user bit is none of them, since SMAP and SMEP deny by it. */
    private void grant(Slot slot, long old) {
        guest.emit(Op.OR, slot.address(), Tables.WRITABLE, 0);
        long value = old | Tables.WRITABLE;
        if (guest.shape.entryBytes == 8 && (old & Tables.NO_EXECUTE) != 0 && guest.chance(50)) {
            guest.emit(Op.AND, slot.address() + 4, 0x7fffffff, 0);
            value &= ~Tables.NO_EXECUTE;
        }
        guest.tables.set(slot.address(), value);
        if (guest.chance(20)) {
            Set<Long> affected = affected(slot);
            if (!affected.isEmpty()) {
                guest.invalidations.invalidate(slot, affected);
            }
        }
    }

    private void write(Slot slot, long value) {
        boolean one = guest.shape.wide || guest.shape.entryBytes == 4;
        // By the tables as they are before.
        long through = one && !guest.forgetful && guest.chance(40) ? mapping(slot.address()) : -1;
        guest.tables.set(slot.address(), value);
        store(guest.shape, through >= 0 ? through : slot.address(), value);
    }

    private void store(Shape format, long at, long value) {
        if (format.entryBytes == 4) {
            guest.emit(Op.STORE4, at, value & 0xffffffffL, 0);
        } else if (format.wide) {
            guest.emit(Op.STORE8, at, value, 0);
        } else {
            // Not present in between, so that no half of an entry counts; through the identity map, which stays.
            guest.emit(Op.STORE4, at, 0, 0);
            guest.emit(Op.STORE4, at + 4, value >>> 32, 0);
            guest.emit(Op.STORE4, at, value & 0xffffffffL, 0);
        }
    }

    /** An entry of the paging mode that the present processor is not in. */
    private void editElsewhere() {
        View other = guest.views.get(1 - guest.now.view);
        Slot slot = guest.pick(other.tables().slots);
        boolean pointer = other.shape() == Shape.PAE && slot.level() == 3;
        long value = pointer ? other.entries().pdpte(slot) : other.entries().random(slot, guest.now.noExecute());
        boolean used = List.of(guest.processors).stream().anyMatch(p -> p.view != guest.now.view);
        if (pointer && used) {
            return;
        }
        other.tables().set(slot.address(), value);
        store(other.shape(), slot.address(), value);
        for (Processor processor : guest.processors) {
            processor.stale |= processor.view != guest.now.view;
        }
    }

    /** A linear address of the zones that the present processor can store to and that leads to {@code physical}, or -1. */
    private long mapping(long physical) {
        if (guest.now.stale || guest.now.deferred || !guest.now.paging()) {
            return -1;
        }
        for (long page : guest.tables.pages) {
            List<Long> path = guest.tables.path(guest.now.space, page, guest.now.pageSizeExtension());
            if (guest.tables.target(path, page) >>> 12 == physical >>> 12 && guest.entries.writable(path, guest.now)) {
                return page | physical & 0xfff;
            }
        }
        return -1;
    }

    /** Pages of the zones whose walk in any space visits an entry, by PDPTEs that are in the registers alone, too. */
    private Set<Long> affected(Slot slot) {
        if (List.of(guest.processors).stream().anyMatch(processor -> processor.deferred)) {
            return new LinkedHashSet<>(guest.tables.pages);
        }
        Set<Long> affected = new LinkedHashSet<>();
        for (long page : guest.tables.pages) {
            for (int space = 0; space < Tables.SPACES; space++) {
                if (guest.tables.visits(space, page, true, slot.address())
                        || guest.shape == Shape.TWO_LEVEL && guest.tables.visits(space, page, false, slot.address())) {
                    affected.add(page);
                }
            }
        }
        return affected;
    }

    /** A PDPTE in memory: the registers follow with the next load of CR3. */
    private void editRegister(Slot slot) {
        if (guest.excursions != null && guest.chance(15)) {
            illegalPdpte(slot);
            return;
        }
        write(slot, guest.entries.pdpte(slot));
        int space = slot.address() >>> 12 == guest.tables.roots[0] >>> 12 ? 0 : 1;
        Processor editor = guest.now;
        for (Processor processor : guest.processors) {
            if (processor.space == space && processor.view == editor.view) {
                guest.turn(processor);
                if (guest.traits.pdpteRegisters() && !guest.forgetful && guest.chance(40)) {
                    guest.now.deferred = true;
                } else {
                    guest.controls.switchSpace(space);
                }
            }
        }
        guest.turn(editor);
    }

    /**
     * A PDPTE with a reserved bit. Loading CR3 raises #GP, and the registers stay (SDM Vol. 3, "PDPTE Registers"); where no registers
     * need be, nobody uses the entry.
     */
    private void illegalPdpte(Slot slot) {
        guest.controls.settle();
        long good = guest.tables.entry(slot.address());
        long[] bits = {1 << 1, 1 << 2, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1L << 52, 1L << 63};
        write(slot, guest.entries.pdpte(slot) | Tables.PRESENT | bits[random.nextInt(bits.length)]);
        int space = slot.address() >>> 12 == guest.tables.roots[0] >>> 12 ? 0 : 1;
        if (!guest.traits.pdpteRegisters()) {
            guest.accesses.beside(slot);
        } else if (guest.now.paging()) {
            guest.emit(Op.CR3, guest.tables.roots[space], 0, 0);
        }
        write(slot, good);
    }
}
