package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import nestbox.core.Seed;
import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * L1 edits EPT12 or NPT12 through its own TDP and invalidates as the manual wants; what L2 reaches through the shadow tables is
 * compared with a plain walk of L1's tables.
 */
class NestedMmuPropertyTest {
    private static final int PHYS_BITS = 40;
    private static final int TABLES = 12;
    private static final long FIRST_TABLE = 0x10_0000;
    private static final long HOLE = 0xc000_0000L;
    private static final int STEPS = 4000;

    /** Formats that L1 may use. */
    enum Stage {
        EPT,
        EPT_AD,
        NPT_4,
        NPT_PAE,
        NPT_2
    }

    private static final class Run {
        final Seed random;
        final Stage stage;
        final Rig rig;
        final Vcpu cpu;
        final boolean ept;
        final Deque<String> log = new ArrayDeque<>();
        final long[] pool = new long[20];

        Run(long seed, Stage stage, HostFormat format, MmuPolicies policies) {
            random = new Seed(seed);
            this.stage = stage;
            ept = stage == Stage.EPT || stage == Stage.EPT_AD;
            MmuConfig base = ept ? MmuConfig.ept(Rig.HOST_BITS) : MmuConfig.npt(Rig.HOST_BITS);
            rig = new Rig(base.toBuilder().format(format).policies(policies).build());
            cpu = rig.vcpu(ept ? GuestModel.intel(PHYS_BITS) : GuestModel.amd(PHYS_BITS));
            cpu.hostCr4 = stage == Stage.NPT_2 ? GuestWalk.CR4_PSE : GuestWalk.CR4_PAE;
            cpu.hostEfer = stage == Stage.NPT_4 ? GuestWalk.EFER_LMA | GuestWalk.EFER_NX : GuestWalk.EFER_NX;
            for (int i = 0; i < pool.length; i++) {
                pool[i] = address();
            }
            for (int i = 0; i < TABLES * 5; i++) {
                long at = table() + (long) index() * bytes();
                rig.write(at, bytes(), entry());
            }
            for (int i = 0; i < 4 && stage == Stage.NPT_PAE; i++) {
                rig.write(FIRST_TABLE - 0x1000 + 8 * i, 8, table() | 1);
            }
            cpu.start();
        }

        int bytes() {
            return stage == Stage.NPT_2 ? 4 : 8;
        }

        int bits() {
            return stage == Stage.NPT_2 ? 10 : 9;
        }

        int levels() {
            return stage == Stage.NPT_2 ? 2 : stage == Stage.NPT_PAE ? 3 : 4;
        }

        boolean chance(int percent) {
            return random.nextInt(100) < percent;
        }

        int index() {
            return chance(50) ? random.nextInt(2) : (1 << bits()) - 1 - random.nextInt(2);
        }

        long address() {
            long value = random.nextInt(0x1000);
            for (int level = 1; level <= levels(); level++) {
                int index = level == 3 && levels() == 3 ? random.nextInt(4) : level == 4 ? random.nextInt(2) : index();
                value |= (long) index << 12 + bits() * (level - 1);
            }
            return value;
        }

        long table() {
            return FIRST_TABLE + 0x1000L * random.nextInt(TABLES);
        }

        long root() {
            if (stage == Stage.NPT_PAE) {
                return FIRST_TABLE - 0x1000;
            }
            long table = FIRST_TABLE + 0x1000L * random.nextInt(3);
            return !ept ? table : table | 6 | 3 << 3 | (stage == Stage.EPT_AD ? 1 << 6 : 0);
        }

        long entry() {
            int kind = random.nextInt(100);
            long target = kind < 65
                    ? table()
                    : kind < 90 ? 0x20_0000 + 0x1000L * random.nextInt(0x600) : HOLE + 0x1000L * random.nextInt(3);
            boolean large = chance(12);
            if (large && chance(70)) {
                target &= stage == Stage.NPT_2 ? ~0x3f_ffffL : ~0x1f_ffffL;
            }
            long entry = target;
            if (ept) {
                entry |= chance(85) ? 7 : random.nextInt(8);
                entry |= chance(60) ? 6 << 3 : 0;
                entry |= (chance(50) ? 0x100 : 0) | (chance(50) ? 0x200 : 0);
            } else {
                entry |= (chance(90) ? 1 : 0) | (chance(80) ? 2 : 0) | (chance(92) ? 4 : 0);
                entry |= (chance(50) ? 0x20 : 0) | (chance(50) ? 0x40 : 0);
                entry |= bytes() == 8 && chance(10) ? 1L << 63 : 0;
            }
            return large ? entry | 0x80 : entry;
        }

        void note(String what) {
            if (log.size() == 60) {
                log.removeFirst();
            }
            log.add(what);
        }

        String story() {
            return String.join("\n", log) + "\n";
        }

        void enterL2() {
            cpu.guestMode = true;
            cpu.nestedTdp = true;
            cpu.nestedRoot = root();
            note("enter " + Long.toHexString(cpu.nestedRoot));
            cpu.mmu.nestedEntered();
            transition();
        }

        void exitL2() {
            cpu.guestMode = false;
            cpu.nestedTdp = false;
            note("exit");
            cpu.mmu.nestedExited();
            transition();
        }

        /** EPT02 is tagged by its root and keeps its translations; KVM's SVM synchronises and flushes each time. */
        private void transition() {
            if (ept) {
                cpu.raise(Request.TLB_FLUSH_CURRENT);
            } else {
                cpu.raise(Request.MMU_SYNC);
                cpu.raise(Request.TLB_FLUSH_CURRENT);
            }
        }

        void edit() {
            long at = table() + (long) index() * bytes();
            long value = chance(30) ? rig.read(at, bytes()) ^ 1L << random.nextInt(3) : entry();
            note("edit " + Long.toHexString(at) + " " + Long.toHexString(rig.read(at, bytes())) + " -> "
                    + Long.toHexString(value));
            assertThat(cpu.store(at, bytes(), value, Access.WRITE))
                    .as(this::story)
                    .isTrue();
            if (ept) {
                cpu.mmu.invept(chance(50), cpu.nestedRoot);
                if (chance(50)) {
                    cpu.mmu.invept(true, 0);
                }
            }
        }

        void access() {
            long ngpa = pool[random.nextInt(pool.length)];
            int[] kinds = {Access.READ, Access.WRITE, Access.EXECUTE};
            int access = kinds[random.nextInt(3)];
            End wanted = naive(ngpa, access);
            note("access " + Long.toHexString(ngpa) + " " + access + " want " + wanted);
            End found = cpu.access(ngpa, access);
            assertThat(found.kind()).as(this::story).isEqualTo(wanted.kind());
            if (found.kind().equals("memory") || found.kind().equals("mmio")) {
                assertThat(found.value()).as(this::story).isEqualTo(wanted.value());
            }
        }

        End naive(long ngpa, int access) {
            long table = cpu.nestedRoot & (1L << PHYS_BITS) - 1 & -4096;
            if (stage == Stage.NPT_2 || stage == Stage.NPT_PAE) {
                table &= 0xffffffffL;
            }
            boolean w = true;
            boolean r = true;
            boolean x = true;
            boolean u = true;
            for (int level = levels(); ; level--) {
                int shift = 12 + bits() * (level - 1);
                long at = table + (ngpa >>> shift & (1 << bits()) - 1) * bytes();
                long entry = NaivePaging.isRam(at) ? rig.read(at, bytes()) : bytes() == 8 ? -1L : 0xffffffffL;
                boolean pointer = stage == Stage.NPT_PAE && level == 3;
                if ((entry & (ept ? 7 : 1)) == 0) {
                    return new End(ept ? "EPT_VIOLATION" : "NPF", ngpa, 0);
                }
                boolean large = (entry & 0x80) != 0 && level > 1 && level <= 3 && !pointer;
                boolean leaf = large || level == 1;
                if (illegal(entry, level, leaf, large, pointer)) {
                    return new End(ept ? "EPT_MISCONFIG" : "NPF", ngpa, 0);
                }
                if (!pointer) {
                    r &= !ept || (entry & 1) != 0;
                    w &= (entry & 2) != 0;
                    x &= ept ? (entry & 4) != 0 : bytes() == 4 || entry >= 0;
                    u &= ept || (entry & 4) != 0;
                }
                long address = entry & (1L << (bytes() == 4 ? 32 : PHYS_BITS)) - 1 & -4096;
                if (leaf) {
                    boolean right = access == Access.READ ? r : access == Access.WRITE ? w : x;
                    if (!right || !u) {
                        return new End(ept ? "EPT_VIOLATION" : "NPF", ngpa, 0);
                    }
                    long offset = (1L << shift) - 1;
                    if (bytes() == 4 && large) {
                        address = entry & 0xffc0_0000L | (entry >>> 13 & 0xff) << 32;
                    }
                    return NaivePaging.endOf(address & ~offset | ngpa & offset);
                }
                table = address;
            }
        }

        private boolean illegal(long entry, int level, boolean leaf, boolean large, boolean pointer) {
            if (bytes() == 4) {
                return large && (entry & 1 << 21) != 0;
            }
            boolean bad = (entry >>> PHYS_BITS & (1L << 52 - PHYS_BITS) - 1) != 0;
            bad |= large && (entry & (1L << 12 + 9 * (level - 1)) - 1 & ~(ept ? 0xfffL : 0x1fffL)) != 0;
            if (ept) {
                int rights = (int) entry & 7;
                int type = (int) entry >>> 3 & 7;
                bad |= rights == 2 || rights == 6;
                bad |= leaf && (type == 2 || type == 3 || type == 7);
                bad |= !leaf && (entry & (level == 4 ? 0xf8 : 0x78)) != 0;
                return bad;
            }
            bad |= level == 4 && (entry & 0x180) != 0;
            bad |= pointer && (entry & 0x8000_0000_0000_01e6L) != 0;
            bad |= levels() == 3 && (entry >>> 52 & 0x7ff) != 0;
            return bad;
        }

        void steps(int count) {
            for (int i = 0; i < count; i++) {
                int kind = random.nextInt(100);
                if (kind < 12) {
                    for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
                        edit();
                    }
                }
                if (kind % 3 == 0) {
                    enterL2();
                    for (int accesses = 1 + random.nextInt(8); accesses > 0; accesses--) {
                        access();
                    }
                    exitL2();
                }
                if (i % 100 == 0) {
                    assertThat(MmuInvariants.broken(rig.vm)).as(this::story).isEmpty();
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "EPT, EPT_4",
        "EPT_AD, EPT_4",
        "EPT_AD, EPT_5",
        "NPT_4, CLASSIC_4",
        "NPT_4, CLASSIC_5",
        "NPT_PAE, CLASSIC_4",
        "NPT_PAE, CLASSIC_5",
        "NPT_2, CLASSIC_4"
    })
    void shadowsOfL1sStageFollowIt(Stage stage, HostFormat format) {
        for (long seed = 1; seed <= 3; seed++) {
            Run run = new Run(seed, stage, format, MmuPolicies.exact());
            run.steps(STEPS / 2);
            assertThat(run.rig.vm.counters().pfReflected).isPositive();
            assertThat(run.rig.vm.counters().pagesUnsynced).isPositive();
        }
    }
}
