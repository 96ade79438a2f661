package nestbox.x86.mem;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.core.Seed;
import nestbox.mmu.memory.MmioHandler;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The silicon's port around the walk: flags, fast path, crossings, canonicality, alignment. */
class SiliconPortTest {
    private static final long LINEAR = 0x40_0000;
    private static final long PAGE = 0x20_0000;
    private static final long ALL = PagingBench.P | PagingBench.W | PagingBench.U;

    private static PagingBench fourLevel(String policy) {
        PagingBench bench = PagingBench.intel(policy);
        bench.paging(Cpu.CR0_WP, Cpu.CR4_PAE, Cpu.EFER_LME | Cpu.EFER_LMA | Cpu.EFER_NXE);
        return bench;
    }

    @ParameterizedTest
    @ValueSource(strings = {"keep", "none", "lru:1", "lru:2048", "seeded:7"})
    void loadsAndStoresReachTheMappedPageAndSetItsFlags(String policy) {
        PagingBench bench = fourLevel(policy);
        long pte = bench.map(4, 1, LINEAR, PAGE | ALL, ALL);
        bench.memory.write(PAGE + 8, 8, 0x1122334455667788L);

        assertThat(bench.load(LINEAR + 8)).isEqualTo(0x1122334455667788L);
        assertThat(bench.memory.read(pte, 8) & 0x60).isEqualTo(PagingBench.A);

        bench.store(LINEAR + 16, 42);
        assertThat(bench.memory.read(PAGE + 16, 8)).isEqualTo(42);
        assertThat(bench.memory.read(pte, 8) & 0x60).isEqualTo(PagingBench.A | PagingBench.D);
        assertThat(bench.load(LINEAR + 16)).isEqualTo(42);
    }

    @Test
    void theFastPathNeverMissesTheDirtyFlag() {
        PagingBench bench = fourLevel("keep");
        long pte = bench.map(4, 1, LINEAR, PAGE | ALL, ALL);
        for (int i = 0; i < 4; i++) {
            bench.load(LINEAR);
        }
        bench.store(LINEAR, 1);
        assertThat(bench.memory.read(pte, 8) & PagingBench.D).isNotZero();
    }

    @Test
    void aStoreAcrossPagesThatFaultsStoresNothing() {
        PagingBench bench = fourLevel("keep");
        bench.map(4, 1, LINEAR, PAGE | ALL, ALL);
        bench.map(4, 1, LINEAR + 0x1000, 0, ALL);

        assertThat(bench.faultOf(() -> bench.store(LINEAR + 0xffc, -1))).isEqualTo(2);
        assertThat(bench.cpu.fault.detail).isEqualTo(LINEAR + 0x1000);
        assertThat(bench.memory.read(PAGE + 0xff8, 8)).isZero();

        bench.map(4, 1, LINEAR + 0x1000, PAGE + 0x5000 | ALL, ALL);
        bench.store(LINEAR + 0xffc, 0x1122334455667788L);
        assertThat(bench.memory.read(PAGE + 0xffc, 4)).isEqualTo(0x55667788L);
        assertThat(bench.memory.read(PAGE + 0x5000, 4)).isEqualTo(0x11223344L);
        assertThat(bench.load(LINEAR + 0xffc)).isEqualTo(0x1122334455667788L);
    }

    @Test
    void nonCanonicalAddressesBlameTheirSegment() {
        PagingBench bench = fourLevel("keep");
        assertThat(vectorOf(() -> bench.cpu.mem.load8(0x8000_0000_0000L, Reg.DS)))
                .isEqualTo(Vector.GP);
        assertThat(vectorOf(() -> bench.cpu.mem.load8(0x8000_0000_0000L, Reg.SS)))
                .isEqualTo(Vector.SS);
        assertThat(vectorOf(() -> bench.cpu.mem.fetch(0x8000_0000_0000L))).isEqualTo(Vector.GP);
        assertThat(vectorOf(() -> bench.cpu.mem.load64(0x7fff_ffff_fffcL, Reg.DS)))
                .isEqualTo(Vector.GP);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 8})
    void misalignedUserAccessesRaiseAlignmentCheckUnderAmAndAc(int size) {
        PagingBench bench = fourLevel("keep");
        bench.map(4, 1, LINEAR, PAGE | ALL, ALL);
        Cpu cpu = bench.cpu;
        for (int state = 0; state < 8; state++) {
            boolean am = (state & 1) != 0;
            boolean ac = (state & 2) != 0;
            boolean user = (state & 4) != 0;
            bench.setCr0((cpu.cr0 & ~Cpu.CR0_AM) | (am ? Cpu.CR0_AM : 0));
            cpu.setSystemFlags((cpu.systemFlags & ~(long) Flags.AC) | (ac ? Flags.AC : 0));
            bench.setCpl(user ? 3 : 0);
            for (int repeat = 0; repeat < 2; repeat++) {
                assertThat(vectorOf(() -> cpu.mem.load(8 * size, LINEAR, Reg.DS)))
                        .isEqualTo(-1);
                int expected = am && ac && user ? Vector.AC : -1;
                assertThat(vectorOf(() -> cpu.mem.load(8 * size, LINEAR + size / 2, Reg.DS)))
                        .isEqualTo(expected);
                assertThat(vectorOf(() -> cpu.mem.store(8 * size, LINEAR + size / 2, Reg.DS, 1)))
                        .isEqualTo(expected);
                assertThat(vectorOf(() -> cpu.mem.loadSystem(size, LINEAR + size / 2)))
                        .isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        // R/W field, LEN field, DR0's offset; access offset, size, write?; expected hit
        "1, 0, 16, 16, 1, true, true",
        "1, 0, 16, 16, 1, false, false",
        "3, 0, 16, 16, 1, false, true",
        "0, 0, 16, 16, 1, true, false",
        "2, 0, 16, 16, 1, true, false",
        "3, 3, 16, 19, 1, false, true",
        "3, 3, 16, 20, 1, false, false",
        "3, 3, 18, 16, 1, false, true",
        "3, 2, 20, 16, 1, false, true",
        "3, 1, 16, 12, 8, false, true",
        "3, 1, 16, 8, 8, false, false",
        "3, 2, 4096, 4092, 8, false, true",
        "1, 1, 16, 18, 2, true, false"
    })
    void dataBreakpoints(int type, int length, int watch, int at, int size, boolean write, boolean hit) {
        PagingBench bench = fourLevel("keep");
        bench.map(4, 1, LINEAR, PAGE | ALL, ALL);
        bench.map(4, 1, LINEAR + 0x1000, PAGE + 0x1000 | ALL, ALL);
        Cpu cpu = bench.cpu;
        bench.store(LINEAR + at, 0);
        cpu.dr[2] = LINEAR + watch;
        cpu.dr[7] = 1L << 4 | (long) (type | length << 2) << 24;
        cpu.mem.port().contextChanged();
        for (int repeat = 0; repeat < 2; repeat++) {
            cpu.pendingDebug = 0;
            cpu.unpend(Cpu.PENDING_DEBUG_TRAP);
            if (write) {
                cpu.mem.store(8 * size, LINEAR + at, Reg.DS, 1);
            } else {
                cpu.mem.load(8 * size, LINEAR + at, Reg.DS);
            }
            assertThat(cpu.pendingDebug).isEqualTo(hit ? 4 : 0);
            assertThat((cpu.pending & Cpu.PENDING_DEBUG_TRAP) != 0).isEqualTo(hit);
        }
        cpu.dr[7] = 0;
        cpu.mem.port().contextChanged();
        cpu.pendingDebug = 0;
        cpu.mem.store(8 * size, LINEAR + at, Reg.DS, 1);
        assertThat(cpu.pendingDebug).isZero();
    }

    @Test
    void theA20GateMasksDataAndTables() {
        PagingBench bench = PagingBench.intel("keep");
        bench.memory.write(0x10_0000, 8, 1);
        bench.memory.write(0, 8, 2);
        assertThat(bench.load(0x10_0000)).isEqualTo(1);
        bench.control().setA20(false);
        assertThat(bench.load(0x10_0000)).isEqualTo(2);
        assertThat(bench.cpu.mem.fetch(0x30_0000)).isEqualTo(0x20_0000);
        bench.control().setA20(true);
        assertThat(bench.load(0x10_0000)).isEqualTo(1);
    }

    @Test
    void mmioEndsTheBlockAndIsNeverFast() {
        PagingBench bench = fourLevel("keep");
        int[] reads = {0};
        bench.memory.mapMmio(0xfed0_0000L, 0x1000, new MmioHandler() {
            @Override
            public long read(long offset, int size) {
                reads[0]++;
                return offset;
            }

            @Override
            public void write(long offset, int size, long value) {
                reads[0] += 100;
            }
        });
        bench.map(4, 1, LINEAR, 0xfed0_0000L | ALL, ALL);
        for (int i = 1; i <= 3; i++) {
            bench.cpu.blockLimit = 50;
            assertThat(bench.load(LINEAR + 0x10)).isEqualTo(0x10);
            assertThat(bench.cpu.blockLimit).isZero();
            assertThat(reads[0]).isEqualTo(i);
        }
        bench.cpu.blockLimit = 50;
        bench.store(LINEAR, 1);
        assertThat(bench.cpu.blockLimit).isZero();
        assertThat(reads[0]).isEqualTo(103);
    }

    @Test
    void pdpteRegistersAreLoadedAsAWholeAndNeverReadByAWalk() {
        PagingBench bench = PagingBench.intel("none");
        bench.paging(0, Cpu.CR4_PAE, 0);
        long directory = bench.newTable();
        long table = bench.newTable();
        bench.memory.write(bench.cpu.cr3, 8, directory | 1);
        bench.memory.write(directory, 8, table | 3);
        bench.memory.write(table, 8, PAGE | 3);
        assertThat(bench.control().loadPdptes(bench.cpu.cr3)).isTrue();
        assertThat(bench.faultOf(() -> bench.load(0))).isEqualTo(-1);

        bench.memory.write(bench.cpu.cr3, 8, 0);
        assertThat(bench.faultOf(() -> bench.load(0))).isEqualTo(-1);

        bench.memory.write(bench.cpu.cr3 + 24, 8, 1 | 1L << 8);
        assertThat(bench.control().loadPdptes(bench.cpu.cr3)).isFalse();
        assertThat(bench.faultOf(() -> bench.load(0))).isEqualTo(-1);

        bench.memory.write(bench.cpu.cr3 + 24, 8, 1L << 8);
        assertThat(bench.control().loadPdptes(bench.cpu.cr3)).isTrue();
        assertThat(bench.faultOf(() -> bench.load(0))).isZero();
    }

    @Test
    void linearAddressesWrapAtFourGigabytesOutsideLongMode() {
        PagingBench bench = PagingBench.intel("keep");
        bench.paging(0, 0, 0);
        long table = bench.newTable();
        bench.memory.write(bench.cpu.cr3, 4, table | 7);
        bench.memory.write(bench.cpu.cr3 + 4092, 4, table | 7);
        bench.memory.write(table, 4, PAGE | 7);
        bench.memory.write(table + 4092, 4, PAGE + 0x1000 | 7);
        bench.store(0xffff_fffcL, 0x1122334455667788L);
        assertThat(bench.memory.read(PAGE + 0x1ffc, 4)).isEqualTo(0x55667788L);
        assertThat(bench.memory.read(PAGE, 4)).isEqualTo(0x11223344L);
    }

    @Test
    void supervisorAndUserKeepTheirFastTranslationsApart() {
        PagingBench bench = fourLevel("keep");
        bench.map(4, 1, LINEAR, PAGE | PagingBench.P | PagingBench.W, ALL);
        bench.store(LINEAR, 9);
        bench.setCpl(3);
        assertThat(bench.faultOf(() -> bench.load(LINEAR))).isEqualTo(5);
        bench.setCpl(0);
        assertThat(bench.load(LINEAR)).isEqualTo(9);
    }

    @Test
    void losingAFetchTranslationMovesTheEpoch() {
        PagingBench bench = fourLevel("lru:1");
        bench.map(4, 1, LINEAR, PAGE | ALL, ALL);
        bench.map(4, 1, LINEAR + 0x1000, PAGE + 0x1000 | ALL, ALL);
        bench.cpu.mem.fetch(LINEAR);
        long epoch = bench.cpu.mem.fetchEpoch;
        bench.load(LINEAR + 0x1000);
        assertThat(bench.cpu.mem.fetchEpoch).isGreaterThan(epoch);
    }

    /** A guest that edits its tables, invalidates what the manual wants invalidated, and omits what it permits. */
    @ParameterizedTest
    @ValueSource(strings = {"keep", "lru:2048", "lru:1", "lru:5", "seeded:1", "seeded:99"})
    void anObedientGuestCannotTellThePoliciesApart(String policy) {
        for (long seed = 0; seed < 20; seed++) {
            assertThat(obedientGuest(policy, seed)).isEqualTo(obedientGuest("none", seed));
        }
    }

    private static String obedientGuest(String policy, long number) {
        PagingBench bench = fourLevel(policy);
        Seed seed = new Seed(number);
        StringBuilder trace = new StringBuilder();
        long[] leaf = new long[12];
        long[] pte = new long[12];
        for (int i = 0; i < leaf.length; i++) {
            pte[i] = bench.map(4, 1, linear(i), 0, ALL);
        }
        for (int step = 0; step < 600; step++) {
            int i = seed.nextInt(leaf.length);
            long address = linear(i) + 8 * seed.nextInt(4);
            switch (seed.nextInt(6)) {
                case 0:
                    long next = PAGE + 0x1000L * seed.nextInt(6) | seed.nextInt(8);
                    boolean wasPresent = (leaf[i] & 1) != 0;
                    leaf[i] = next;
                    bench.memory.write(pte[i], 8, next);
                    if (wasPresent) {
                        bench.control().invalidatePage(linear(i));
                    }
                    break;
                case 1:
                    bench.setCpl(seed.nextInt(2) * 3);
                    break;
                case 2:
                    int fault = bench.faultOf(
                            () -> trace.append(bench.load(address)).append(' '));
                    trace.append("l").append(fault).append(' ');
                    break;
                case 3:
                    long value = step;
                    trace.append("s")
                            .append(bench.faultOf(() -> bench.store(address, value)))
                            .append(' ');
                    break;
                case 4:
                    trace.append("f")
                            .append(bench.faultOf(() -> trace.append(bench.cpu.mem.fetch(address))))
                            .append(' ');
                    break;
                default:
                    // More rights, flags kept: no invalidation.
                    long now = bench.memory.read(pte[i], 8);
                    leaf[i] = now | (now & 1) * (seed.nextInt(4) << 1);
                    bench.memory.write(pte[i], 8, leaf[i]);
                    break;
            }
        }
        for (long at : pte) {
            trace.append(Long.toHexString(bench.memory.read(at, 8))).append(' ');
        }
        return trace.toString();
    }

    private static long linear(int i) {
        return LINEAR + ((long) i << (i < 6 ? 12 : 21));
    }

    private static int vectorOf(Runnable access) {
        try {
            access.run();
            return -1;
        } catch (GuestFault fault) {
            return fault.vector;
        }
    }
}
