package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import nestbox.core.Seed;
import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random guests that edit their tables, through a second vCPU without paging or by devices, and invalidate as the manual wants:
 * each access must end where a naive walk of the tables ends.
 */
class ShadowMmuPropertyTest {
    private static final int PHYS_BITS = 40;
    private static final int TABLES = 14;
    private static final long FIRST_TABLE = 0x10_0000;
    private static final long HOLE = 0xc000_0000L;
    private static final int STEPS = 4000;
    private static final int CHECK_EVERY = 100;

    /** One run: a seed decides everything. */
    private static final class Run {
        final Seed random;
        final PagingFormat format;
        final Rig rig;
        Vcpu cpu;
        final Vcpu editor;
        NaivePaging naive;
        final Deque<String> log = new ArrayDeque<>();
        final long[] pool = new long[24];
        /** Another processor on the same tables, which changes places with {@link #cpu}; or null. */
        Vcpu other;

        /** Accesses are compared. */
        boolean judged = true;

        Run(long seed, PagingFormat format, MmuPolicies policies) {
            this(
                    seed,
                    format,
                    MmuConfig.shadow(Rig.HOST_BITS).toBuilder()
                            .policies(policies)
                            .format(format == PagingFormat.FIVE_LEVEL ? HostFormat.CLASSIC_5 : HostFormat.CLASSIC_4)
                            .build());
        }

        Run(long seed, PagingFormat format, MmuConfig config) {
            random = new Seed(seed);
            this.format = format;
            rig = new Rig(config);
            cpu = rig.vcpu(GuestModel.intel(PHYS_BITS));
            editor = rig.vcpu(GuestModel.intel(PHYS_BITS));
            naive = new NaivePaging(rig, cpu, PHYS_BITS);
            editor.cr0 = 1;
            editor.start();
            cpu.mode(format, true, true);
            for (int i = 0; i < pool.length; i++) {
                pool[i] = linear();
            }
            for (int i = 0; i < TABLES * 4; i++) {
                edit(false);
            }
            cpu.cr3 = root();
            cpu.cr0 &= ~GuestWalk.CR0_PG;
            cpu.start();
            cpu.cr0 |= GuestWalk.CR0_PG;
            cpu.loadPdptes();
            cpu.mmu.cr0Written(cpu.cr0 & ~GuestWalk.CR0_PG, cpu.cr0);
        }

        /** A second processor that uses the same tables, with NXE clear where the first has it set. */
        void addProcessor() {
            other = rig.vcpu(GuestModel.intel(PHYS_BITS));
            other.mode(format, false, false);
            other.cr3 = cpu.cr3;
            other.start();
            System.arraycopy(cpu.pdptes, 0, other.pdptes, 0, 4);
        }

        void swap() {
            Vcpu before = cpu;
            cpu = other;
            other = before;
            naive = new NaivePaging(rig, cpu, PHYS_BITS);
        }

        int entryBytes() {
            return format == PagingFormat.TWO_LEVEL ? 4 : 8;
        }

        int bits() {
            return format == PagingFormat.TWO_LEVEL ? 10 : 9;
        }

        boolean chance(int percent) {
            return random.nextInt(100) < percent;
        }

        /** An address whose index at each level is one of very few, so that tables are shared. */
        long linear() {
            long linear = 0;
            int levels = format == PagingFormat.PAE ? 3 : format.levels();
            for (int level = 1; level <= levels; level++) {
                int top = level == levels && format == PagingFormat.PAE ? 4 : 1 << bits();
                int index = chance(50) ? random.nextInt(2) : (top - 1 - random.nextInt(2)) & top - 1;
                linear |= (long) index << 12 + bits() * (level - 1);
            }
            linear |= random.nextInt(0x1000);
            if (format == PagingFormat.FOUR_LEVEL) {
                return linear << 16 >> 16;
            }
            return format == PagingFormat.FIVE_LEVEL ? linear << 7 >> 7 : linear;
        }

        long table() {
            return FIRST_TABLE + 0x1000L * random.nextInt(TABLES);
        }

        /** CR3 with a PDPT whose reserved bits are clear. */
        long root() {
            if (format != PagingFormat.PAE) {
                return FIRST_TABLE + 0x1000L * random.nextInt(4);
            }
            long pdpt = 0x8000 + 0x20L * random.nextInt(3);
            for (int i = 0; i < 4; i++) {
                if (rig.read(pdpt + 8 * i, 8) == 0 || chance(10)) {
                    rig.write(pdpt + 8 * i, 8, chance(85) ? table() | 1 : 0);
                }
            }
            return pdpt;
        }

        long entry() {
            long target;
            int kind = random.nextInt(100);
            if (kind < 65) {
                target = table();
            } else if (kind < 90) {
                target = 0x20_0000 + 0x1000L * random.nextInt(0x600);
            } else {
                target = HOLE + 0x1000L * random.nextInt(3);
            }
            long entry = target | (chance(88) ? 1 : 0) | (chance(80) ? 2 : 0) | (chance(75) ? 4 : 0);
            entry |= (chance(50) ? 0x20 : 0) | (chance(50) ? 0x40 : 0) | (chance(5) ? 0x100 : 0);
            if (chance(12)) {
                long align = format == PagingFormat.TWO_LEVEL ? 0x3f_f000 : 0x1f_f000;
                entry = (chance(30) ? entry : entry & ~align) | 0x80;
                if (chance(20) && format != PagingFormat.TWO_LEVEL) {
                    entry &= ~0x3fff_f000L;
                }
            }
            if (entryBytes() == 8) {
                entry |= chance(12) ? 1L << 63 : 0;
                entry |= chance(2) ? 1L << PHYS_BITS + random.nextInt(52 - PHYS_BITS) : 0;
            } else {
                entry &= 0xffffffffL;
            }
            return entry;
        }

        /** Changes an entry that the pool may use; whether an invalidation is required. */
        boolean edit(boolean byGuest) {
            int top = 1 << bits();
            int index = chance(50) ? random.nextInt(2) : top - 1 - random.nextInt(2);
            if (chance(5)) {
                index = random.nextInt(top);
            }
            long at = table() + (long) index * entryBytes();
            long old = rig.read(at, entryBytes());
            long value = entry();
            if (chance(25)) {
                value = old ^ 1L << random.nextInt(7);
            }
            note("edit " + Long.toHexString(at) + " " + Long.toHexString(old) + " -> " + Long.toHexString(value));
            if (!byGuest) {
                rig.write(at, entryBytes(), value);
            } else if (chance(60)) {
                assertThat(editor.store(at, entryBytes(), value, Access.WRITE)).isTrue();
            } else {
                rig.write(at, entryBytes(), value);
                rig.vm.trackWrite(new Gpa(at), entryBytes());
            }
            return (old & 1) != 0;
        }

        void note(String what) {
            if (log.size() == 60) {
                log.removeFirst();
            }
            log.add(what);
        }

        void invalidate() {
            switch (random.nextInt(4)) {
                case 0:
                    note("reload cr3");
                    cpu.movCr3(cpu.cr3);
                    break;
                case 1:
                    note("invlpg all");
                    for (long linear : pool) {
                        cpu.invlpg(linear);
                    }
                    break;
                case 2:
                    note("toggle PGE");
                    cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_PGE);
                    break;
                default:
                    note("switch cr3 " + Long.toHexString(cpu.cr3));
                    cpu.movCr3(root());
                    break;
            }
        }

        void toggle() {
            switch (random.nextInt(6)) {
                case 0:
                    note("WP");
                    cpu.movCr0(cpu.cr0 ^ GuestWalk.CR0_WP);
                    break;
                case 1:
                    note("SMEP");
                    cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_SMEP);
                    break;
                case 2:
                    note("SMAP");
                    cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_SMAP);
                    break;
                case 3:
                    note("NX");
                    cpu.writeEfer(cpu.efer ^ GuestWalk.EFER_NX);
                    cpu.movCr3(cpu.cr3);
                    break;
                case 4:
                    note("PSE");
                    cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_PSE);
                    cpu.movCr3(cpu.cr3);
                    break;
                default:
                    cpu.ac = !cpu.ac;
                    break;
            }
        }

        void access() {
            long linear = pool[random.nextInt(pool.length)];
            int[] kinds = {Access.READ, Access.WRITE, Access.EXECUTE};
            int access = kinds[random.nextInt(3)] | (chance(50) ? Access.USER : 0);
            End wanted = naive.access(linear, access);
            note("access " + Long.toHexString(linear) + " " + access + " want " + wanted);
            End found = cpu.access(linear, access);
            if (!judged) {
                return;
            }
            assertThat(found).as(this::story).isEqualTo(wanted);
            if (!wanted.kind().equals("#PF")) {
                assertThat(naive.missingFlags(linear, access)).as(this::story).isEmpty();
            }
        }

        String story() {
            return String.join("\n", log) + "\n";
        }

        void steps(int count) {
            for (int i = 0; i < count; i++) {
                int kind = random.nextInt(100);
                if (kind < 22) {
                    if (edit(true)) {
                        invalidate();
                        if (other != null) {
                            swap();
                            invalidate();
                        }
                    }
                } else if (other != null && kind < 24) {
                    swap();
                } else if (kind < 26) {
                    toggle();
                } else if (kind < 32) {
                    invalidate();
                } else {
                    access();
                }
                if (i % CHECK_EVERY == 0) {
                    assertThat(MmuInvariants.broken(rig.vm)).as(this::story).isEmpty();
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void shadowTablesFollowTheGuests(PagingFormat format) {
        for (long seed = 1; seed <= 3; seed++) {
            Run run = new Run(seed, format, MmuPolicies.exact());
            run.steps(STEPS);
            MmuCounters counters = run.rig.vm.counters();
            assertThat(counters.pagesUnsynced).isPositive();
            assertThat(counters.pagesSynced).isPositive();
            assertThat(counters.pfSpurious).isLessThan(counters.pfFixed);
        }
    }

    @ParameterizedTest
    @CsvSource({"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void twoProcessorsShareTables(PagingFormat format) {
        for (long seed = 21; seed <= 22; seed++) {
            Run run = new Run(seed, format, MmuPolicies.exact());
            run.addProcessor();
            run.steps(STEPS / 2);
        }
    }

    /** Values that are right or slow change no access. */
    @ParameterizedTest
    @CsvSource({
        "FOUR_LEVEL, mmioCache.gvaAllowed, legacy",
        "TWO_LEVEL, mmioCache.gvaAllowed, legacy",
        "FOUR_LEVEL, mmioCache.clearOnLoad, paolo",
        "FOUR_LEVEL, roots.prevRootsWhenPcidOff, free",
        "PAE, roots.prevRootsWhenPcidOff, free",
        "FIVE_LEVEL, roots.forceSyncOnReuse, on"
    })
    void rightAndSlowValuesChangeNothing(PagingFormat format, String policy, String value) {
        new Run(5, format, MmuPolicies.exact().with(policy, value)).steps(STEPS / 2);
    }

    /** All at once, with a guest that invalidates too little: every end must be a translation, and nothing may break. */
    @ParameterizedTest
    @CsvSource({"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void wrongPoliciesNeverEscapeAsJavaErrors(PagingFormat format) {
        MmuPolicies.Builder wrong = MmuPolicies.exact().toBuilder();
        for (MmuPolicy policy : MmuPolicy.values()) {
            for (PolicyValue value : policy.choices()) {
                if (value.verdict() == PolicyValue.Verdict.WRONG) {
                    wrong.set(policy, value);
                }
            }
        }
        Run run = new Run(11, format, wrong.build());
        run.judged = false;
        run.steps(STEPS / 2);
    }

    @ParameterizedTest
    @CsvSource({"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void theReferenceMmuDoesTheSame(PagingFormat format) {
        Run run = new Run(
                9,
                format,
                MmuConfig.shadow(Rig.HOST_BITS).toBuilder()
                        .reference(true)
                        .format(format == PagingFormat.FIVE_LEVEL ? HostFormat.CLASSIC_5 : HostFormat.CLASSIC_4)
                        .build());
        for (int i = 0; i < STEPS / 2; i++) {
            run.steps(1);
            run.cpu.mmu.instructionBoundary();
        }
    }
}
