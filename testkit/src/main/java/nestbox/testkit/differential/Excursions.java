package nestbox.testkit.differential;

import java.util.List;
import java.util.Set;
import nestbox.core.Seed;
import nestbox.testkit.differential.Generator.View;
import nestbox.testkit.differential.Tables.Slot;

/** Steps that leave the paging mode, or that interrupt a processor. */
final class Excursions {
    private static final long CR0_PE = 1;
    private static final long CR0_NW = 1 << 29;
    private static final long EFER_LME = 1 << 8;
    /** Real mode reads below this. */
    private static final int REAL_DATA = 0x3f00;

    private final Generator guest;
    private final Seed random;

    Excursions(Generator guest, Seed random) {
        this.guest = guest;
        this.random = random;
    }

    void action() {
        int cpus = guest.processors.length;
        switch (random.nextInt(8)) {
            case 0 -> guest.emit(Op.IPI, 0, 0, 0);
            case 1 -> guest.emit(Op.TIMER, 1 + random.nextInt(200), random.nextInt(2), 0);
            case 2 -> guest.emit(Op.NMI, random.nextInt(cpus), 0, 0);
            case 3 -> direct();
            case 4, 5 -> mode();
            default -> guest.turn(guest.pick(List.of(guest.processors)));
        }
    }

    /** Out of paging and back, into the same paging mode or the other. */
    private void mode() {
        Processor now = guest.now;
        if (now.pcids()) {
            // #GP: paging ends with CR4.PCIDE clear alone.
            if (guest.chance(20)) {
                guest.emit(Op.CR0, Processor.CR0_PG, 0, 0);
            }
            return;
        }
        int to = guest.chance(60) ? guest.views.size() - 1 - now.view : now.view;
        View view = guest.views.get(to);
        long changed = 0;
        if (to != now.view) {
            changed = guest.shape.wide ? Processor.CR4_LA57 : Processor.CR4_PAE;
        }
        int flags = random.nextInt(guest.shape.wide ? 4 : 2);
        now.space = random.nextInt(Tables.SPACES);
        long read = random.nextInt(REAL_DATA / 4) * 4L;
        guest.emit(Op.MODE, view.tables().roots[now.space], changed, read << 16 | flags);
        now.view = to;
        now.cr4 ^= changed;
        now.cr0 |= Processor.CR0_PG;
        now.clean();
        guest.turn(now);
    }

    /** CR4.PAE changes while paging is on: CR3 is good for both. */
    private void direct() {
        Processor now = guest.now;
        if (guest.shape.wide || !now.paging() || guest.views.size() < 2) {
            return;
        }
        guest.emit(Op.CR3, guest.views.get(1).tables().roots[now.space], 0, 0);
        guest.controls.toggle(Processor.CR4_PAE);
        now.view = 1 - now.view;
        now.clean();
        guest.turn(now);
    }

    /** A remote invalidation instead of one that the other processor makes itself later; false if there is none. */
    boolean shoot(Processor other, Slot slot, Set<Long> affected) {
        if (other.stale || !guest.chance(40)) {
            return false;
        }
        boolean few = affected.size() <= 2 && !other.deferred && other.view == guest.now.view;
        if (few && guest.chance(70)) {
            for (long page : affected) {
                guest.emit(Op.SHOOT, page, 0, other.id);
            }
            other.dirty[1 - other.space] |= other.pcids();
        } else if (!slot.global() && !other.pcids() && guest.chance(50)) {
            guest.emit(Op.SHOOT, 0, 2, other.id);
            other.deferred &= !other.paging();
        } else {
            guest.emit(Op.SHOOT, 0, 1, other.id);
            other.clean();
        }
        return true;
    }

    /** What raises #GP and changes nothing, or does nothing, in any state. */
    void illegal() {
        Processor now = guest.now;
        boolean wide = guest.shape.wide;
        switch (random.nextInt(wide ? 9 : 3)) {
            case 0 -> guest.emit(Op.CR0, CR0_NW, 0, 0);
            case 1 -> paged(Op.CR0, CR0_PE);
            case 2 -> paged(Op.EFER, EFER_LME);
            case 3 -> guest.emit(Op.CR0, Processor.CR0_PG, 0, 0);
            case 4 -> guest.emit(Op.CR4, Processor.CR4_PAE, 0, 0);
            case 5 -> guest.emit(Op.CR4, Processor.CR4_LA57, 0, 0);
            case 6 -> guest.emit(Op.LOAD4, 1L << 62, 0, 0);
            case 7 -> guest.emit(Op.INVLPG, 1L << 62, 0, 0);
            default -> guest.emit(Op.INVPCID, now.pcid(now.space), 1L << 62, 0);
        }
    }

    private void paged(Op op, long bit) {
        if (guest.now.paging()) {
            guest.emit(op, bit, 0, 0);
        }
    }
}
