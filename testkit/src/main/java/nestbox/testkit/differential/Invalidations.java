package nestbox.testkit.differential;

import java.util.Set;
import nestbox.core.Seed;
import nestbox.testkit.differential.Tables.Slot;

/** What the manual wants after an edit, in one of the ways that it offers. */
final class Invalidations {
    private static final int MOST_SINGLE = 6;

    private final Generator guest;
    private final Seed random;

    Invalidations(Generator guest, Seed random) {
        this.guest = guest;
        this.random = random;
    }

    void invalidate(Slot slot, Set<Long> affected) {
        if (guest.forgetful && guest.chance(75)) {
            return;
        }
        for (Processor other : guest.processors) {
            if (other != guest.now && (guest.excursions == null || !guest.excursions.shoot(other, slot, affected))) {
                other.stale = true;
            }
        }
        if (guest.now.stale) {
            return;
        }
        int way = random.nextInt(7);
        if (way == 6 || !guest.now.paging() || guest.now.deferred) {
            guest.controls.flushAll();
        } else if (way == 5 && guest.traits.invpcid()) {
            guest.emit(Op.INVPCID, 0, 0, 2);
            guest.now.clean();
        } else if (slot.global()) {
            single(affected);
            guest.now.dirty[1 - guest.now.space] = guest.now.pcids();
        } else {
            local(way, affected);
        }
    }

    /** The other processors invalidate everything before their next access. */
    void others() {
        for (Processor other : guest.processors) {
            other.stale |= other != guest.now;
        }
    }

    private void single(Set<Long> affected) {
        if (affected.size() > MOST_SINGLE) {
            guest.controls.flushAll();
            return;
        }
        for (long page : affected) {
            guest.emit(Op.INVLPG, page, 0, 0);
        }
    }

    /** Nothing of it is global. */
    private void local(int way, Set<Long> affected) {
        boolean pcids = guest.now.pcids();
        int pcid = guest.now.pcid(guest.now.space);
        if (way == 0 && guest.traits.invpcid() && affected.size() <= MOST_SINGLE) {
            for (long page : affected) {
                guest.emit(Op.INVPCID, pcid, page, 0);
            }
        } else if (way == 1 && guest.traits.invpcid()) {
            guest.emit(Op.INVPCID, pcid, 0, 1);
        } else if (way == 2) {
            guest.controls.switchSpace(guest.now.space);
        } else if (way == 3 && guest.traits.invpcid()) {
            guest.emit(Op.INVPCID, 0, 0, 3);
            guest.now.dirty[0] = false;
            guest.now.dirty[1] = false;
            return;
        } else {
            single(affected);
        }
        if (!pcids || guest.now.dirty[1 - guest.now.space]) {
            return;
        }
        int other = 1 - guest.now.space;
        if (!guest.traits.invpcid() || guest.chance(50)) {
            guest.now.dirty[other] = true;
        } else if (guest.chance(50) && affected.size() <= MOST_SINGLE) {
            for (long page : affected) {
                guest.emit(Op.INVPCID, other + 1, page, 0);
            }
        } else {
            guest.emit(Op.INVPCID, other + 1, 0, 1);
        }
    }

    void needlessInvalidation() {
        if (guest.chance(50)) {
            guest.emit(Op.INVLPG, guest.pick(guest.tables.pages) + random.nextInt(0x1000), 0, 0);
        } else if (guest.excursions != null || guest.traits.invpcid()) {
            // Of a PCID that is not legal without CR4.PCIDE, too.
            guest.emit(Op.INVPCID, random.nextInt(3), guest.pick(guest.tables.pages), random.nextInt(5));
        }
    }
}
