package nestbox.mmu.paging;

/**
 * One level of a paging format.
 *
 * @param large when an entry with bit 7 set maps a page
 * @param reservedTable bits that must be 0 in an entry that references a table, besides the address bits beyond MAXPHYADDR
 * @param reservedLeaf bits that must be 0 in an entry that maps a page, besides the address bits beyond MAXPHYADDR
 * @param pointer the entry holds an address alone: no rights, no accessed flag (PAE's PDPTE)
 * @param top the level's entries are PML4Es or PML5Es, whose bit 8 AMD reserves
 */
record LevelFormat(Large large, long reservedTable, long reservedLeaf, boolean pointer, boolean top) {
    /** When bit 7 of an entry makes it a leaf. */
    enum Large {
        /** Never: the bit is reserved (if {@code reservedTable} says so) or has another meaning. */
        NEVER,
        ALWAYS,
        /** With {@link PagingFeature#PAGE_SIZE_EXTENSIONS}; else the bit is ignored. */
        WITH_PSE,
        /** With {@link PagingFeature#GIGABYTE_PAGES}; else the bit is reserved. */
        WITH_GIGABYTE_PAGES,
        /** With {@link PagingFeature#EPT_LARGE_PAGES}; else the bit is reserved. */
        WITH_EPT_LARGE_PAGES
    }

    static LevelFormat leafOnly() {
        return new LevelFormat(Large.NEVER, 0, 0, false, false);
    }

    static LevelFormat level(Large large, long reservedTable, long reservedLeaf) {
        return new LevelFormat(large, reservedTable, reservedLeaf, false, false);
    }

    static LevelFormat top(long reservedTable) {
        return new LevelFormat(Large.NEVER, reservedTable, 0, false, true);
    }

    static LevelFormat pointer(long reservedTable) {
        return new LevelFormat(Large.NEVER, reservedTable, 0, true, false);
    }
}
