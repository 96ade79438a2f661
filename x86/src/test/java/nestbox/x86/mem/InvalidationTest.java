package nestbox.x86.mem;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What survives which operation under {@code keep} (SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure
 * Caches"). Every page is cached, then its entry is redirected without an invalidation: a load that still sees the old page
 * shows that the cached entry survived.
 */
class InvalidationTest {
    private static final long ALL = PagingBench.P | PagingBench.W | PagingBench.U;
    private static final long OLD = 0x20_0000;
    private static final long NEW = 0x30_0000;

    private static final int HERE = 1;
    private static final int ELSEWHERE = 2;

    /** What is cached. The two PCIDs have tables of their own; each region of 2 MiB has a page table of its own. */
    enum Cached {
        /** The page that operations with an address name. */
        TARGET(HERE, 0x4000_0000L, 0, false),
        OTHER_PAGE(HERE, 0x4040_0000L, 0, false),
        GLOBAL_TARGET(HERE, 0x4000_0000L, PagingBench.G, false),
        GLOBAL_OTHER(HERE, 0x4060_0000L, PagingBench.G, false),
        /** The same linear address as the target's, of the other PCID. */
        TARGET_OF_OTHER_PCID(ELSEWHERE, 0x4000_0000L, 0, false),
        /** A paging-structure entry for the region of the target; seen through another page of it. */
        STRUCTURE_OF_TARGET(HERE, 0x4000_0000L, 0, true),
        STRUCTURE_ELSEWHERE(HERE, 0x4080_0000L, 0, true),
        STRUCTURE_OF_OTHER_PCID(ELSEWHERE, 0x4000_0000L, 0, true);

        final int pcid;
        final long linear;
        final long flags;
        final boolean structure;

        Cached(int pcid, long linear, long flags, boolean structure) {
            this.pcid = pcid;
            this.linear = linear;
            this.flags = flags;
            this.structure = structure;
        }
    }

    /** The operations, with what survives them. */
    enum Operation {
        NOTHING(t -> {}, EnumSet.allOf(Cached.class)),
        INVLPG(
                t -> t.bench.control().invalidatePage(Cached.TARGET.linear + 0x123),
                EnumSet.of(
                        Cached.OTHER_PAGE,
                        Cached.GLOBAL_OTHER,
                        Cached.TARGET_OF_OTHER_PCID,
                        Cached.STRUCTURE_OF_OTHER_PCID)),
        INVPCID_ADDRESS(
                t -> t.bench.control().invalidatePcid(0, HERE, Cached.TARGET.linear),
                EnumSet.of(
                        Cached.OTHER_PAGE,
                        Cached.GLOBAL_TARGET,
                        Cached.GLOBAL_OTHER,
                        Cached.TARGET_OF_OTHER_PCID,
                        Cached.STRUCTURE_ELSEWHERE,
                        Cached.STRUCTURE_OF_OTHER_PCID)),
        INVPCID_ADDRESS_ELSEWHERE(
                t -> t.bench.control().invalidatePcid(0, ELSEWHERE, Cached.TARGET.linear),
                EnumSet.complementOf(EnumSet.of(Cached.TARGET_OF_OTHER_PCID, Cached.STRUCTURE_OF_OTHER_PCID))),
        INVPCID_CONTEXT(
                t -> t.bench.control().invalidatePcid(1, HERE, 0),
                EnumSet.of(
                        Cached.GLOBAL_TARGET,
                        Cached.GLOBAL_OTHER,
                        Cached.TARGET_OF_OTHER_PCID,
                        Cached.STRUCTURE_OF_OTHER_PCID)),
        INVPCID_ALL(t -> t.bench.control().invalidatePcid(2, 0, 0), EnumSet.noneOf(Cached.class)),
        INVPCID_ALL_BUT_GLOBAL(
                t -> t.bench.control().invalidatePcid(3, 0, 0), EnumSet.of(Cached.GLOBAL_TARGET, Cached.GLOBAL_OTHER)),
        MOV_CR3(
                t -> t.bench.setCr3(t.bench.cpu.cr3, false),
                EnumSet.of(
                        Cached.GLOBAL_TARGET,
                        Cached.GLOBAL_OTHER,
                        Cached.TARGET_OF_OTHER_PCID,
                        Cached.STRUCTURE_OF_OTHER_PCID)),
        MOV_CR3_KEEPING(t -> t.bench.setCr3(t.bench.cpu.cr3, true), EnumSet.allOf(Cached.class)),
        TOGGLE_PGE(t -> t.toggleCr4(Cpu.CR4_PGE), EnumSet.noneOf(Cached.class)),
        SET_SMEP(
                t -> t.toggleCr4(Cpu.CR4_SMEP),
                EnumSet.of(Cached.TARGET_OF_OTHER_PCID, Cached.STRUCTURE_OF_OTHER_PCID)),
        TOGGLE_SMAP(t -> t.toggleCr4(Cpu.CR4_SMAP), EnumSet.allOf(Cached.class)),
        TOGGLE_WP(
                t -> {
                    t.bench.setCr0(t.bench.cpu.cr0 ^ Cpu.CR0_WP);
                    t.bench.setCr0(t.bench.cpu.cr0 ^ Cpu.CR0_WP);
                },
                EnumSet.allOf(Cached.class)),
        TOGGLE_PG(
                t -> {
                    t.bench.setCr0(t.bench.cpu.cr0 ^ Cpu.CR0_PG);
                    t.bench.setCr0(t.bench.cpu.cr0 ^ Cpu.CR0_PG);
                },
                EnumSet.noneOf(Cached.class)),
        PAGE_FAULT(
                t -> t.bench.faultOf(t::writeToTarget),
                EnumSet.complementOf(EnumSet.of(Cached.TARGET, Cached.GLOBAL_TARGET, Cached.STRUCTURE_OF_TARGET)));

        final Consumer<InvalidationTest> act;
        final Set<Cached> survivors;

        Operation(Consumer<InvalidationTest> act, Set<Cached> survivors) {
            this.act = act;
            this.survivors = survivors;
        }
    }

    private PagingBench bench;
    private final long[] roots = new long[3];

    private void toggleCr4(long bit) {
        bench.setCr4(bench.cpu.cr4 ^ bit);
        bench.setCr4(bench.cpu.cr4 ^ bit);
    }

    private void writeToTarget() {
        bench.setCpl(0);
        bench.store(Cached.TARGET.linear, 1);
    }

    private void start(RetentionPolicy policy, Vendor vendor) {
        bench = new PagingBench(vendor, policy, 40, Set.of());
        bench.paging(Cpu.CR0_WP, Cpu.CR4_PAE | Cpu.CR4_PGE | Cpu.CR4_PCIDE, Cpu.EFER_LME | Cpu.EFER_LMA | Cpu.EFER_NXE);
        bench.memory.write(OLD, 8, 1);
        bench.memory.write(NEW, 8, 2);
        roots[HERE] = bench.newTable();
        roots[ELSEWHERE] = bench.newTable();
    }

    private void select(int pcid) {
        bench.setCr3(roots[pcid] | pcid, true);
    }

    /** Caches what {@code c} stands for and redirects it; the page is read-only so that a write faults. */
    private void cache(Cached c) {
        select(c.pcid);
        long flags = PagingBench.P | PagingBench.U | c.flags;
        long pte = bench.map(4, 1, c.linear, OLD | flags, ALL);
        if (c.structure) {
            // A second page of the region, reached later through the cached entry or through a new table.
            bench.map(4, 1, c.linear + 0x1000, OLD | flags, ALL);
            bench.load(c.linear);
            long pde = pdeOf(c.linear);
            long newTable = bench.newTable();
            bench.memory.write(PagingBench.entry(newTable, 1, c.linear), 8, OLD | flags);
            bench.memory.write(PagingBench.entry(newTable, 1, c.linear + 0x1000), 8, NEW | flags);
            bench.memory.write(pde, 8, newTable | ALL);
        } else {
            assertThat(bench.load(c.linear)).isEqualTo(1);
            bench.memory.write(pte, 8, NEW | flags);
        }
    }

    private long pdeOf(long linear) {
        long table = bench.cpu.cr3 & ~0xfffL;
        for (int level = 4; level > 2; level--) {
            table = bench.memory.read(PagingBench.entry(table, level, linear), 8) & ~0xfffL;
        }
        return PagingBench.entry(table, 2, linear);
    }

    private boolean survived(Cached c) {
        select(c.pcid);
        return bench.load(c.structure ? c.linear + 0x1000 : c.linear) == 1;
    }

    @ParameterizedTest
    @EnumSource(Operation.class)
    void keepDropsExactlyWhatTheManualSays(Operation operation) {
        for (Cached c : Cached.values()) {
            start(RetentionPolicy.KEEP, Vendor.INTEL);
            cache(c);
            if (c != Cached.TARGET && c != Cached.GLOBAL_TARGET && c != Cached.STRUCTURE_OF_TARGET) {
                select(HERE);
                bench.map(4, 1, Cached.TARGET.linear, OLD | PagingBench.P | PagingBench.U, ALL);
            }
            select(HERE);
            operation.act.accept(this);
            assertThat(survived(c)).as("%s after %s", c, operation).isEqualTo(operation.survivors.contains(c));
        }
    }

    @ParameterizedTest
    @EnumSource(Cached.class)
    void noneIsNeverStale(Cached c) {
        start(RetentionPolicy.NONE, Vendor.INTEL);
        cache(c);
        assertThat(survived(c)).isFalse();
    }

    @Test
    void amdDropsTheUpperLevelsOfEveryPcidAtInvlpg() {
        start(RetentionPolicy.KEEP, Vendor.AMD);
        cache(Cached.STRUCTURE_OF_OTHER_PCID);
        select(HERE);
        bench.control().invalidatePage(Cached.TARGET.linear);
        assertThat(survived(Cached.STRUCTURE_OF_OTHER_PCID)).isFalse();
    }

    @Test
    void oneInvlpgDropsAllOfALargePage() {
        start(RetentionPolicy.KEEP, Vendor.INTEL);
        select(HERE);
        long linear = 0x4000_0000L;
        long pde = bench.map(4, 2, linear, OLD | ALL | PagingBench.PS, ALL);
        bench.memory.write(OLD + 0x5000, 8, 7);
        bench.memory.write(0x40_5000, 8, 8);
        assertThat(bench.load(linear + 0x5000)).isEqualTo(7);
        assertThat(bench.load(linear + 0x6000)).isZero();
        bench.memory.write(pde, 8, 0x40_0000 | ALL | PagingBench.PS);
        assertThat(bench.load(linear + 0x5000)).isEqualTo(7);
        bench.control().invalidatePage(linear + 0x1f_f000);
        assertThat(bench.load(linear + 0x5000)).isEqualTo(8);
    }

    @Test
    void addingRightsOrPresenceNeedsNoInvalidation() {
        for (String policy : new String[] {"keep", "none", "lru:4", "seeded:1"}) {
            start(RetentionPolicy.parse("--tlb", policy), Vendor.INTEL);
            select(HERE);
            long linear = 0x4000_0000L;
            long pte = bench.map(4, 1, linear, 0, ALL);
            assertThat(bench.faultOf(() -> bench.load(linear))).isZero();
            bench.memory.write(pte, 8, OLD | PagingBench.P);
            assertThat(bench.faultOf(() -> bench.load(linear))).isEqualTo(-1);
            bench.memory.write(pte, 8, OLD | PagingBench.P | PagingBench.W);
            assertThat(bench.faultOf(() -> bench.store(linear, 1))).isEqualTo(-1);
            bench.memory.write(pte, 8, OLD | ALL);
            bench.setCpl(3);
            assertThat(bench.faultOf(() -> bench.load(linear))).isEqualTo(-1);
        }
    }

    @Test
    void aStoreThroughACleanEntryReadsTheTableAgain() {
        start(RetentionPolicy.KEEP, Vendor.INTEL);
        select(HERE);
        long linear = 0x4000_0000L;
        long pte = bench.map(4, 1, linear, OLD | ALL, ALL);
        assertThat(bench.load(linear)).isEqualTo(1);
        bench.memory.write(pte, 8, NEW | ALL);
        assertThat(bench.load(linear)).isEqualTo(1);
        bench.store(linear + 8, 5);
        assertThat(bench.memory.read(NEW + 8, 8)).isEqualTo(5);
        assertThat(bench.memory.read(pte, 8) & PagingBench.D).isNotZero();
        assertThat(bench.load(linear)).isEqualTo(2);
    }
}
