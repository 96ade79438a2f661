package nestbox.testkit.differential;

/** Four-level tables that map one page of the zone that is never global. */
final class OnePage {
    final Tables tables = new Tables(Shape.FOUR_LEVEL);
    final long page = tables.pages.get(0);
    /** Address of the entry that maps it. */
    final long entry = tables.tables(1, false).get(0).address();

    /** Maps the page to {@code frame} by entries with {@code flags} at each level. */
    void map(long frame, long flags) {
        long[] levels = {
            tables.slots.stream()
                    .filter(slot -> slot.level() == 4)
                    .findFirst()
                    .orElseThrow()
                    .address(),
            tables.tables(3, false).get(0).address(),
            tables.tables(2, false).get(0).address(),
            entry,
            frame
        };
        for (int i = 0; i < 4; i++) {
            tables.set(levels[i], levels[i + 1] | flags);
        }
    }
}
