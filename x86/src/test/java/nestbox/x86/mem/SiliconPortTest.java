package nestbox.x86.mem;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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
        assertThat(vectorOf(() -> bench.cpu.mem.load8(0x8000_0000_0000L, Reg.DS))).isEqualTo(Vector.GP);
        assertThat(vectorOf(() -> bench.cpu.mem.load8(0x8000_0000_0000L, Reg.SS))).isEqualTo(Vector.SS);
        assertThat(vectorOf(() -> bench.cpu.mem.fetch(0x8000_0000_0000L))).isEqualTo(Vector.GP);
        assertThat(vectorOf(() -> bench.cpu.mem.load64(0x7fff_ffff_fffcL, Reg.DS))).isEqualTo(Vector.GP);
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
