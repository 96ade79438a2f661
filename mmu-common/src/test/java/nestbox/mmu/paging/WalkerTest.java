package nestbox.mmu.paging;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The walk over each format: reserved bits, page sizes, flags and their order, by the tables of SDM Vol. 3, "Paging". */
class WalkerTest {
    private static final long ROOT = 0x1000;
    private static final long LEAF_PAGE = 0x4000_0000L;
    private static final long[] NO_REGISTERS = new long[4];

    /** Entries by address, and the order in which they were touched. */
    private static final class Tables implements TableReader {
        final Map<Long, Long> entries = new HashMap<>();
        final List<String> log = new ArrayList<>();
        long failsAt = -1;
        boolean failed;
        /** Another processor's edit: comes between the read and the update of an entry, once. */
        long raceAt = -1;

        long raceValue;

        @Override
        public long read(long address, int bytes) {
            failed = address == failsAt;
            log.add("read " + Long.toHexString(address));
            return entries.getOrDefault(address, 0L);
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            if (address == raceAt) {
                raceAt = -1;
                entries.put(address, raceValue);
            }
            if (entries.get(address) != expected) {
                return false;
            }
            log.add("set " + Long.toHexString(address) + " " + Long.toHexString(expected ^ value));
            entries.put(address, value);
            return true;
        }

        @Override
        public boolean failed() {
            return failed;
        }
    }

    private final Tables tables = new Tables();
    private final Walker walker = new Walker();
    private final Permissions permissions = new Permissions();

    WalkerTest() {
        permissions.set(true, false, false, false, true);
    }

    private static PagingMode mode(PagingFormat format, int physBits, PagingFeature... features) {
        return new PagingMode(format, PagingLimits.of(physBits, 48, features));
    }

    /** Links tables 0x1000, 0x2000... for linear address 0 and sets the entry at {@code level}; gives its address. */
    private long link(PagingFormat format, int level, long entry) {
        long table = ROOT;
        int top = format == PagingFormat.PAE ? 2 : format.levels();
        for (int at = top; at > level; at--) {
            tables.entries.put(table, (table + 0x1000) | (format == PagingFormat.PAE_IN_MEMORY && at == 3 ? 1 : 7));
            table += 0x1000;
        }
        tables.entries.put(table, entry);
        return table;
    }

    private boolean walk(PagingMode mode, long linear, int access) {
        return walker.walk(mode, tables, ROOT, new long[] {ROOT | 1, 0, 0, 0}, linear, access, permissions);
    }

    @ParameterizedTest
    @CsvSource({
        // format, level, leaf?, MAXPHYADDR, features, lowest and highest reserved bit
        "FOUR_LEVEL, 4, false, 40, ALL, 7 7 40 51",
        "FOUR_LEVEL, 4, false, 40, AMD, 7 7 8 8 40 51",
        "FOUR_LEVEL, 3, false, 40, ALL, 40 51",
        "FOUR_LEVEL, 3, true, 40, ALL, 13 29 40 51",
        "FOUR_LEVEL, 2, false, 40, ALL, 40 51",
        "FOUR_LEVEL, 2, true, 36, ALL, 13 20 36 51",
        "FOUR_LEVEL, 1, true, 52, ALL, ''",
        "FOUR_LEVEL, 1, true, 39, ALL, 39 51",
        "FOUR_LEVEL, 1, true, 39, NO_NX, 39 51 63 63",
        "FOUR_LEVEL, 2, false, 39, NO_NX, 39 51 63 63",
        "FIVE_LEVEL, 5, false, 46, ALL, 7 7 46 51",
        "FIVE_LEVEL, 5, false, 46, AMD, 7 8 46 51",
        "FIVE_LEVEL, 4, false, 46, ALL, 7 7 46 51",
        "PAE, 2, false, 36, ALL, 36 62",
        "PAE, 2, true, 36, ALL, 13 20 36 62",
        "PAE, 1, true, 36, ALL, 36 62",
        "PAE, 1, true, 36, NO_NX, 36 63",
        "PAE_IN_MEMORY, 3, false, 36, ALL, 1 2 5 8 36 63",
        "TWO_LEVEL, 2, false, 36, ALL, ''",
        "TWO_LEVEL, 2, true, 32, ALL, 13 21",
        "TWO_LEVEL, 2, true, 36, ALL, 17 21",
        "TWO_LEVEL, 2, true, 40, ALL, 21 21",
        "TWO_LEVEL, 2, true, 46, ALL, 21 21",
        "TWO_LEVEL, 2, true, 46, NO_PSE36, 13 21",
        "TWO_LEVEL, 1, true, 36, ALL, ''",
        "EPT, 4, false, 40, ALL, 3 7 40 51",
        "EPT, 3, false, 40, ALL, 3 6 40 51",
        "EPT, 3, true, 40, ALL, 12 29 40 51",
        "EPT, 2, true, 40, ALL, 12 20 40 51",
        "EPT, 1, true, 40, ALL, 40 51"
    })
    void reservedBits(PagingFormat format, int level, boolean leaf, int physBits, String features, String ranges) {
        boolean ept = format == PagingFormat.EPT;
        PagingMode mode = mode(format, physBits, features(features));
        long plain = (format == PagingFormat.PAE_IN_MEMORY && level == 3 ? 1 : 7) | (ept && leaf ? 6 << 3 : 0);
        long base = leaf ? plain | (level > 1 ? 0x80 : 0) : plain | 0x9000;
        boolean[] reserved = new boolean[64];
        if (!ranges.isEmpty()) {
            String[] bounds = ranges.split(" ");
            for (int i = 0; i < bounds.length; i += 2) {
                for (int bit = Integer.parseInt(bounds[i]); bit <= Integer.parseInt(bounds[i + 1]); bit++) {
                    reserved[bit] = true;
                }
            }
        }
        for (int bit = 1; bit < (format == PagingFormat.TWO_LEVEL ? 32 : 64); bit++) {
            if ((bit == 7 && !reserved[7]) || (ept && bit < 6)) {
                continue;
            }
            long entry = base ^ 1L << bit | (reserved[bit] ? 1L << bit : 0);
            link(format, level, entry);
            walk(mode, 0, Access.READ);
            boolean here = walker.outcome == Walker.RESERVED && walker.level == level;
            assertThat(here).as("bit %d of %x", bit, entry).isEqualTo(reserved[bit]);
        }
    }

    private static PagingFeature[] features(String name) {
        List<PagingFeature> list = new ArrayList<>(List.of(PagingFeature.values()));
        if (!name.equals("AMD")) {
            list.remove(PagingFeature.TOP_BIT8_RESERVED);
        }
        if (name.equals("NO_NX")) {
            list.remove(PagingFeature.EXECUTE_DISABLE);
        }
        if (name.equals("NO_PSE36")) {
            list.remove(PagingFeature.PSE36);
        }
        return list.toArray(new PagingFeature[0]);
    }

    @ParameterizedTest
    @CsvSource({
        "FOUR_LEVEL, 1, 12", "FOUR_LEVEL, 2, 21", "FOUR_LEVEL, 3, 30", "FIVE_LEVEL, 3, 30", "PAE, 1, 12", "PAE, 2, 21",
        "TWO_LEVEL, 1, 12", "TWO_LEVEL, 2, 22", "PAE_IN_MEMORY, 2, 21", "EPT, 1, 12", "EPT, 2, 21", "EPT, 3, 30"
    })
    void pageSizes(PagingFormat format, int level, int shift) {
        PagingMode mode = mode(format, 40, features("ALL"));
        long type = format == PagingFormat.EPT ? 6 << 3 : 0;
        link(format, level, LEAF_PAGE | 7 | type | (level > 1 ? 0x80 : 0));
        long offset = 0x3fff_ffffL & (1L << shift) - 1 & ~0xfffL;
        // The index bits above the page select entry 0 of each table.
        assertThat(walk(mode, offset | 0x123, Access.READ)).isTrue();
        assertThat(walker.physical).isEqualTo(LEAF_PAGE | offset | 0x123);
        assertThat(walker.pageShift).isEqualTo(shift);
    }

    @Test
    void gigabytePagesAndPseAreFeatures() {
        link(PagingFormat.FOUR_LEVEL, 3, LEAF_PAGE | 0x87);
        walk(mode(PagingFormat.FOUR_LEVEL, 40), 0, Access.READ);
        assertThat(walker.outcome).isEqualTo(Walker.RESERVED);

        link(PagingFormat.TWO_LEVEL, 2, 0x2000 | 0x87);
        tables.entries.put(0x2000L, 0x5007L);
        assertThat(walk(mode(PagingFormat.TWO_LEVEL, 40), 0x10, Access.READ)).isTrue();
        assertThat(walker.physical).isEqualTo(0x5010);
    }

    @Test
    void pse36FoldsTheUpperAddressBits() {
        link(PagingFormat.TWO_LEVEL, 2, 0x1240_0000L | 0xabL << 13 | 0x87);
        assertThat(walk(mode(PagingFormat.TWO_LEVEL, 40, features("ALL")), 0x3f_f123, Access.READ))
                .isTrue();
        assertThat(walker.physical).isEqualTo(0xab_127f_f123L);
    }

    @Test
    void flagsAreSetTopDownAndTheLeafsOnlyIfPermitted() {
        PagingMode mode = mode(PagingFormat.FOUR_LEVEL, 40, features("ALL"));
        link(PagingFormat.FOUR_LEVEL, 1, LEAF_PAGE | 5);
        assertThat(walk(mode, 0, Access.WRITE)).isFalse();
        assertThat(walker.outcome).isEqualTo(Walker.DENIED);
        assertThat(tables.log)
                .containsExactly(
                        "read 1000",
                        "set 1000 20",
                        "read 2000",
                        "set 2000 20",
                        "read 3000",
                        "set 3000 20",
                        "read 4000");

        tables.log.clear();
        assertThat(walk(mode, 0, Access.READ)).isTrue();
        assertThat(walker.dirty).isFalse();
        assertThat(tables.log).containsExactly("read 1000", "read 2000", "read 3000", "read 4000", "set 4000 20");

        tables.log.clear();
        tables.entries.put(0x4000L, LEAF_PAGE | 7);
        assertThat(walk(mode, 0, Access.WRITE)).isTrue();
        assertThat(walker.dirty).isTrue();
        assertThat(tables.log).endsWith("read 4000", "set 4000 60");
    }

    @Test
    void presenceComesBeforeReservedBitsAndBothBeforeRights() {
        PagingMode mode = mode(PagingFormat.FOUR_LEVEL, 40, features("ALL"));
        link(PagingFormat.FOUR_LEVEL, 1, LEAF_PAGE | 6 | 1L << 51);
        walk(mode, 0, Access.READ | Access.USER);
        assertThat(permissions.errorCode(walker, Access.READ | Access.USER)).isEqualTo(PageFault.U);

        link(PagingFormat.FOUR_LEVEL, 1, LEAF_PAGE | 1 | 1L << 51);
        walk(mode, 0, Access.WRITE | Access.USER);
        assertThat(permissions.errorCode(walker, Access.WRITE | Access.USER))
                .isEqualTo(PageFault.P | PageFault.W | PageFault.U | PageFault.RSVD);

        link(PagingFormat.FOUR_LEVEL, 2, 0);
        tables.entries.put(0x2000L, 0x3001L);
        walk(mode, 0, Access.EXECUTE | Access.USER);
        assertThat(permissions.errorCode(walker, Access.EXECUTE | Access.USER)).isEqualTo(PageFault.I | PageFault.U);
        assertThat(walker.level).isEqualTo(2);
    }

    @Test
    void anEntryThatChangesUnderTheWalkIsReadAgain() {
        PagingMode mode = mode(PagingFormat.FOUR_LEVEL, 40, features("ALL"));
        link(PagingFormat.FOUR_LEVEL, 1, LEAF_PAGE | 7);
        tables.raceAt = 0x4000;
        tables.raceValue = 0;
        assertThat(walk(mode, 0, Access.READ)).isFalse();
        assertThat(walker.outcome).isEqualTo(Walker.NOT_PRESENT);

        link(PagingFormat.FOUR_LEVEL, 1, LEAF_PAGE | 7);
        tables.entries.put(0x3000L, 0x4007L);
        tables.raceAt = 0x3000;
        tables.raceValue = 0x4005;
        assertThat(walk(mode, 0, Access.READ)).isTrue();
        assertThat(walker.rights & Access.WRITE).isZero();
    }

    @Test
    void aFailingSecondStageEndsTheWalk() {
        PagingMode mode = mode(PagingFormat.FOUR_LEVEL, 40, features("ALL"));
        link(PagingFormat.FOUR_LEVEL, 1, LEAF_PAGE | 7);
        tables.failsAt = 0x2000;
        assertThat(walk(mode, 0, Access.READ)).isFalse();
        assertThat(walker.outcome).isEqualTo(Walker.STAGE_FAILED);
        assertThat(walker.level).isEqualTo(3);
    }

    @Test
    void paeStartsInARegister() {
        PagingMode mode = mode(PagingFormat.PAE, 40, features("ALL"));
        link(PagingFormat.PAE, 1, LEAF_PAGE | 3);
        assertThat(walk(mode, 0, Access.READ)).isTrue();
        assertThat(walk(mode, 0x4000_0000L, Access.READ)).isFalse();
        assertThat(walker.outcome).isEqualTo(Walker.NOT_PRESENT);
        assertThat(walker.walk(mode, tables, ROOT, NO_REGISTERS, 0, Access.READ, permissions))
                .isFalse();
        assertThat(tables.log).noneMatch(line -> line.startsWith("set 0"));
    }

    @Test
    void eptHasItsOwnRightsFlagsAndMisconfigurations() {
        PagingMode plain = mode(PagingFormat.EPT, 40, PagingFeature.EPT_LARGE_PAGES);
        int writeBack = 6 << 3;
        link(PagingFormat.EPT, 1, LEAF_PAGE | writeBack | 1);
        assertThat(walk(plain, 0, Access.READ)).isTrue();
        assertThat(walker.rights).isEqualTo(Access.READ | Access.USER);
        assertThat(tables.log).noneMatch(line -> line.startsWith("set"));

        PagingMode flags = mode(PagingFormat.EPT, 40, PagingFeature.EPT_ACCESSED_DIRTY, PagingFeature.EPT_EXECUTE_ONLY);
        link(PagingFormat.EPT, 1, LEAF_PAGE | writeBack | 3);
        assertThat(walk(flags, 0, Access.WRITE)).isTrue();
        assertThat(tables.log).endsWith("set 4000 300");

        for (int bits = 0; bits < 64; bits++) {
            int rights = bits & 7;
            int type = bits >>> 3;
            link(PagingFormat.EPT, 1, LEAF_PAGE | bits);
            walk(plain, 0, Access.READ);
            boolean badType = type == 2 || type == 3 || type == 7;
            boolean badRights = rights == 2 || rights == 6 || rights == 4;
            int expected = rights == 0
                    ? Walker.NOT_PRESENT
                    : badType || badRights ? Walker.RESERVED : (rights & 1) != 0 ? Walker.MAPPED : Walker.DENIED;
            assertThat(walker.outcome).as("bits %x", bits).isEqualTo(expected);
        }
        link(PagingFormat.EPT, 1, LEAF_PAGE | writeBack | 4);
        assertThat(walk(flags, 0, Access.EXECUTE)).isTrue();
        assertThat(walk(flags, 0, Access.READ)).isFalse();
        assertThat(walker.outcome).isEqualTo(Walker.DENIED);
    }
}
