package nestbox.testkit.differential;

import java.util.List;
import nestbox.core.Seed;
import nestbox.testkit.differential.Tables.Slot;

/** Steps that read, write and run what the page tables map. */
final class Accesses {
    /** Percentage of accesses that stay in the page of the one before. */
    private static final int LOCAL = 40;

    private final Generator guest;
    private final Seed random;
    /** The page of the last access, or one that an edit has changed since. */
    long recent;

    Accesses(Generator guest, Seed random) {
        this.guest = guest;
        this.random = random;
    }

    /** Reads the page of the last access. */
    void visitAgain() {
        visit(guest.tables.pages.contains(recent) ? recent : guest.pick(guest.tables.pages));
    }

    /** Reads a page, half of the time so that L0 reads it. */
    void visit(long page) {
        guest.controls.settle();
        recent = page;
        if (guest.excursions != null && guest.chance(50)) {
            guest.emit(Op.OUTS, page + offset(4), 0, 0);
        } else {
            load(page);
        }
    }

    void access() {
        guest.controls.settle();
        if (!guest.chance(LOCAL) || !guest.tables.pages.contains(recent)) {
            recent = guest.pick(guest.tables.pages);
        }
        long page = recent;
        List<Long> path = guest.tables.path(guest.now.space, page, guest.now.pageSizeExtension());
        long target = guest.now.paging() ? guest.tables.target(path, page) : page;
        // By PDPTEs that are in the registers alone it may lead anywhere.
        boolean known = !guest.now.deferred;
        boolean tame = known && (target < 0 || Entries.isData(target));
        int choice = random.nextInt(10);
        if (choice < 2 && known && !guest.forgetful && (target < 0 || Entries.isCode(target)) && guest.now.paging()) {
            guest.emit(guest.chance(30) ? Op.USER_CALL : Op.CALL, page + Layout.CODE, 0, 0);
        } else if (choice < 6 && tame) {
            store(page, target);
        } else {
            load(page);
        }
        if (guest.tables.pages.contains(target & -0x1000)) {
            // Next to the linear address of the same number.
            recent = target & -0x1000;
        }
    }

    /** Reads that do not go by an entry of a top table. */
    void beside(Slot slot) {
        List<Long> others = guest.tables.pages.stream()
                .filter(page -> !guest.tables.visits(guest.now.space, page, true, slot.address()))
                .toList();
        for (int reads = 1 + random.nextInt(3); reads > 0; reads--) {
            load(guest.pick(others));
        }
    }

    private long offset(int bytes) {
        return guest.chance(4) ? 0x1000 - 1 - random.nextInt(bytes) : (long) random.nextInt(0xfe0 / bytes) * bytes;
    }

    void load(long page) {
        switch (random.nextInt(guest.excursions == null ? 8 : 9)) {
            case 0 -> guest.emit(Op.USER_LOAD, page + offset(4), 0, 0);
            case 5 -> guest.emit(guest.excursions == null ? Op.LOAD4 : Op.AC_LOAD, page + offset(4), 0, 0);
            case 1 -> guest.emit(Op.LOAD1, page + offset(1), 0, 0);
            case 2 -> guest.emit(Op.LOAD2, page + offset(2), 0, 0);
            case 3 -> guest.emit(guest.shape.wide ? Op.LOAD8 : Op.LOAD4, page + offset(4), 0, 0);
            case 8 -> guest.emit(Op.OUTS, page + offset(4), 0, 0);
            case 4 -> guest.emit(Op.COPY, page + offset(16), 0, 1 + random.nextInt(16));
            default -> guest.emit(Op.LOAD4, page + offset(4), 0, 0);
        }
    }

    private void store(long page, long target) {
        // A page behind this one may be code or a table, so that stores do not cross.
        long value = random.nextLong() & 0x7fffffffL;
        long within = Entries.FIRST_DATA + (long) random.nextInt((0xfe0 - Entries.FIRST_DATA) / 8) * 8;
        switch (random.nextInt(guest.excursions == null ? 8 : 9)) {
            case 8 -> guest.emit(Op.INS, page + within, value, 0);
            case 6 -> guest.emit(guest.excursions == null ? Op.STORE4 : Op.CMPXCHG, page + within, value, 0);
            case 0 -> guest.emit(Op.USER_STORE, page + within, value, 0);
            case 1 -> guest.emit(Op.STORE1, page + within, value, 0);
            case 2 -> guest.emit(Op.STORE2, page + within + 1, value, 0);
            case 3 -> guest.emit(guest.shape.wide ? Op.STORE8 : Op.STORE4, page + within, value, 0);
            case 4 -> guest.emit(Op.XADD, page + within, value, 0);
            case 5 -> guest.emit(Op.STORE4, page + (Entries.isCode(target) ? Layout.CODE + 1 : within), value, 0);
            default -> guest.emit(Op.STORE4, page + within, value, 0);
        }
    }
}
