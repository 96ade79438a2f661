package nestbox.mmu.paging;

import java.util.List;
import nestbox.mmu.paging.LevelFormat.Large;

/**
 * A paging format as data: what the bits of its entries mean (SDM Vol. 3, "Paging" and "The Extended Page Table Mechanism";
 * APM Vol. 2, "Page Translation and Protection"). {@link PagingMode} is a format within {@link PagingLimits}, ready to walk.
 *
 * <p>A right whose mask is 0 is always granted; the bits of {@code inverted} deny when they are set. NPT needs no rows of its
 * own: its tables have the host's format and every access to them is a user access.
 */
public enum PagingFormat {
    /** 32-bit paging. */
    TWO_LEVEL(
            Bits.classic(4, 10, 32).folded(0x1fe000, 19),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.WITH_PSE, 0, 1L << 21)),

    /** PAE paging whose four PDPTEs are registers of the processor; walks start with one of them. */
    PAE(
            Bits.classic(8, 9, 63).inRegisters(),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.ALWAYS, 0, 0x1fe000),
            LevelFormat.pointer(0x1e6)),

    /** PAE paging whose PDPTEs a walk reads from memory: an AMD guest under nested paging. */
    PAE_IN_MEMORY(
            Bits.classic(8, 9, 63),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.ALWAYS, 0, 0x1fe000),
            LevelFormat.pointer(0x1e6)),

    FOUR_LEVEL(
            Bits.classic(8, 9, 52).keys(),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.ALWAYS, 0, 0x1fe000),
            LevelFormat.level(Large.WITH_GIGABYTE_PAGES, 0, 0x3fffe000),
            LevelFormat.top(0x80)),

    FIVE_LEVEL(
            Bits.classic(8, 9, 52).keys(),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.ALWAYS, 0, 0x1fe000),
            LevelFormat.level(Large.WITH_GIGABYTE_PAGES, 0, 0x3fffe000),
            LevelFormat.top(0x80),
            LevelFormat.top(0x80)),

    /** EPT with a page-walk length of 4: no present bit, own rights, memory types 0, 1, 4, 5 and 6. */
    EPT(
            Bits.ept(),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.WITH_EPT_LARGE_PAGES, 0x78, 0x1ff000),
            LevelFormat.level(Large.WITH_GIGABYTE_PAGES, 0x78, 0x3ffff000),
            LevelFormat.level(Large.NEVER, 0xf8, 0)),

    /** EPT with a page-walk length of 5. */
    EPT_FIVE_LEVEL(
            Bits.ept(),
            LevelFormat.leafOnly(),
            LevelFormat.level(Large.WITH_EPT_LARGE_PAGES, 0x78, 0x1ff000),
            LevelFormat.level(Large.WITH_GIGABYTE_PAGES, 0x78, 0x3ffff000),
            LevelFormat.level(Large.NEVER, 0xf8, 0),
            LevelFormat.level(Large.NEVER, 0xf8, 0));

    final Bits bits;
    final List<LevelFormat> levels;

    PagingFormat(Bits bits, LevelFormat... levels) {
        this.bits = bits;
        this.levels = List.of(levels);
    }

    /** Number of levels, the PDPTE registers included. */
    public int levels() {
        return levels.size();
    }

    /**
     * What entry bits mean at every level.
     *
     * @param entryBytes 4 or 8
     * @param indexBits linear-address bits that a level resolves
     * @param addressEnd address bits from MAXPHYADDR up to here (exclusive) are reserved
     * @param present an entry is present if any of these bits is set
     * @param inverted bits that deny when set
     * @param illegalRights set of values of bits 2:0 that make the entry illegal, as a bit mask
     * @param illegalTypes set of values of bits 5:3 that make a leaf illegal, as a bit mask
     * @param foldedBits bits of a large leaf that continue its address, shifted left by {@code foldedShift}
     */
    record Bits(
            int entryBytes,
            int indexBits,
            int addressEnd,
            long present,
            long read,
            long write,
            long execute,
            long user,
            long inverted,
            long accessed,
            long dirty,
            long global,
            int keyShift,
            boolean extended,
            boolean registers,
            int illegalRights,
            int illegalTypes,
            long foldedBits,
            int foldedShift) {
        private static final long NX = 1L << 63;

        static Bits classic(int entryBytes, int indexBits, int addressEnd) {
            return new Bits(
                    entryBytes,
                    indexBits,
                    addressEnd,
                    1,
                    0,
                    2,
                    NX,
                    4,
                    NX,
                    1 << 5,
                    1 << 6,
                    1 << 8,
                    0,
                    false,
                    false,
                    0,
                    0,
                    0,
                    0);
        }

        static Bits ept() {
            int writeWithoutRead = 1 << 2 | 1 << 6;
            int types = 1 << 2 | 1 << 3 | 1 << 7;
            return new Bits(
                    8, 9, 52, 7, 1, 2, 4, 0, 0, 1 << 8, 1 << 9, 0, 0, true, false, writeWithoutRead, types, 0, 0);
        }

        Bits keys() {
            return copy(59, registers, foldedBits, foldedShift);
        }

        Bits inRegisters() {
            return copy(keyShift, true, foldedBits, foldedShift);
        }

        Bits folded(long bits, int shift) {
            return copy(keyShift, registers, bits, shift);
        }

        private Bits copy(int keys, boolean pdptes, long folded, int shift) {
            return new Bits(
                    entryBytes,
                    indexBits,
                    addressEnd,
                    present,
                    read,
                    write,
                    execute,
                    user,
                    inverted,
                    accessed,
                    dirty,
                    global,
                    keys,
                    extended,
                    pdptes,
                    illegalRights,
                    illegalTypes,
                    folded,
                    shift);
        }
    }
}
