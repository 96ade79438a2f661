package nestbox.testkit.differential;

import nestbox.core.Seed;

/** Steps that change control registers. */
final class Controls {
    private static final long NO_FLUSH = 1L << 63;

    private final Generator guest;
    private final Seed random;

    Controls(Generator guest, Seed random) {
        this.guest = guest;
        this.random = random;
    }

    void settle() {
        if (guest.now.stale) {
            flushAll();
        }
    }

    void flushAll() {
        guest.emit(Op.CR4, Processor.CR4_PGE, 0, 0);
        guest.emit(Op.CR4, Processor.CR4_PGE, 0, 0);
        guest.now.clean();
    }

    void switchSpace(int to) {
        boolean keep = guest.now.pcids() && guest.now.space != to && !guest.now.dirty[to] && guest.chance(60);
        guest.now.space = to;
        guest.emit(Op.CR3, guest.tables.roots[to] | guest.now.pcid(to) | (keep ? NO_FLUSH : 0), 0, 0);
        guest.now.deferred &= !guest.now.paging();
        if (!keep) {
            guest.now.dirty[to] = false;
        }
    }

    void control() {
        switch (random.nextInt(guest.excursions == null ? 8 : 10)) {
            case 0, 1 -> {
                guest.emit(Op.CR0, Processor.CR0_WP, 0, 0);
                guest.now.cr0 ^= Processor.CR0_WP;
            }
            case 2 -> toggle(Processor.CR4_SMEP);
            case 3 -> toggle(Processor.CR4_SMAP);
            case 4 -> {
                guest.emit(Op.EFER, Processor.EFER_NXE, 0, 0);
                guest.now.efer ^= Processor.EFER_NXE;
                flushAll();
            }
            case 5 -> {
                if (guest.shape.wide) {
                    togglePcids();
                } else {
                    togglePaging();
                }
            }
            case 6 -> {
                if (guest.shape == Shape.TWO_LEVEL) {
                    toggle(Processor.CR4_PSE);
                    flushAll();
                } else {
                    toggle(Processor.CR4_PGE);
                    guest.now.clean();
                }
            }
            case 8 -> keys();
            default -> illegal();
        }
    }

    /**
     * Of a bit that the processor lacks this raises #GP. Some bits load PDPTEs, too; clearing CR4.SMEP does so without an invalidation
     * (SDM Vol. 3, "PDPTE Registers" and "Operations that Invalidate TLBs and Paging-Structure Caches").
     */
    void toggle(long bit) {
        guest.emit(Op.CR4, bit, 0, 0);
        if (!guest.traits.hasCr4(bit)) {
            return;
        }
        guest.now.cr4 ^= bit;
        boolean loads = guest.now.paging() && (bit & (Processor.CR4_PSE | Processor.CR4_PGE | Processor.CR4_SMEP)) != 0;
        if (loads && guest.now.deferred) {
            guest.now.deferred = false;
            flushAll();
        }
    }

    /** Protection keys, which no invalidation goes with. */
    private void keys() {
        if (guest.chance(30)) {
            toggle(Processor.CR4_PKE);
        } else {
            long some = random.nextLong();
            guest.emit(Op.WRPKRU, some & random.nextLong() & 0xfffffffcL, 0, 0);
        }
    }

    private void togglePcids() {
        if (!guest.traits.pcid()) {
            if (guest.excursions != null) {
                toggle(Processor.CR4_PCIDE);
            }
            return;
        }
        if (guest.now.pcids()) {
            toggle(Processor.CR4_PCIDE);
            guest.now.clean();
            return;
        }
        switchSpace(guest.now.space);
        // In 5-level paging what is cached of the kernel's addresses leads on to those of the window.
        if (guest.excursions != null && !guest.forgetful && guest.shape == Shape.FOUR_LEVEL && guest.chance(50)) {
            guest.edits.editUncached();
        } else {
            setPcids();
        }
        switchSpace(guest.now.space);
        guest.now.dirty[1 - guest.now.space] = false;
    }

    void setPcids() {
        toggle(Processor.CR4_PCIDE);
    }

    /** With the PCID that CR3 has had without PCIDs. */
    void enterUncached(int space) {
        guest.now.space = space;
        guest.emit(Op.CR3, guest.tables.roots[space] | NO_FLUSH, 0, 0);
    }

    private void togglePaging() {
        guest.emit(Op.CR0, Processor.CR0_PG, 0, 0);
        if (!guest.traits.unpaged()) {
            return;
        }
        guest.now.cr0 ^= Processor.CR0_PG;
        guest.now.deferred = false;
        if (!guest.now.paging()) {
            guest.now.clean();
        }
    }

    /** What raises #GP and changes nothing. */
    private void illegal() {
        switch (random.nextInt(guest.excursions == null ? 3 : 4)) {
            case 0 -> guest.emit(Op.CR4, 1L << 31, 0, 0);
            case 1 -> guest.emit(Op.EFER, 1 << 1, 0, 0);
            case 2 -> {
                // Loads CR3 where no bit of it is reserved.
                guest.emit(
                        Op.CR3,
                        guest.shape.wide
                                ? guest.tables.roots[guest.now.space] | 1L << 62
                                : guest.tables.roots[guest.now.space],
                        0,
                        0);
                guest.now.deferred &= !guest.now.paging();
            }
            default -> guest.excursions.illegal();
        }
    }
}
