package nestbox.mmu.core;

/** What becomes of a frame's unsync shadows when it is shadowed as an upper-level table, too. */
enum UpperLevelUnsync {
    ZAP,
    /** They are as stale as before: the guest's next flush finds them. */
    KEEP,
    /** They count as in sync afterwards, although the MMU in use may read the table otherwise than the one that made them. */
    SYNC
}
