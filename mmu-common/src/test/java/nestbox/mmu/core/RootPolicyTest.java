package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** S-PCID and the historical bugs of section G that live in the MMU core, under the right and the wrong policy. */
class RootPolicyTest {
    private static final long X = 0x40_0000L;
    private static final long OLD = 0x30_0000L;
    private static final long NEW = 0x31_0000L;
    private static final long A = 0x10_0000L;
    private static final long B = 0x10_8000L;
    private static final long WINDOW = 0x60_0000L;
    private static final long NO_FLUSH = Long.MIN_VALUE;

    private static MmuPolicies with(String policy, String value) {
        return MmuPolicies.exact().with(policy, value);
    }

    private static Rig rig(MmuPolicies policies) {
        return new Rig(
                MmuConfig.shadow(Rig.HOST_BITS).toBuilder().policies(policies).build());
    }

    private static long leafAt(long root) {
        return root + 0x3000 + 8 * (X >>> 12 & 511);
    }

    /** Tables at {@code root} that map {@link #X} to {@code target}, and at {@link #WINDOW} memory from A to A + 64 KiB. */
    private static void tables(Rig rig, long root, long target) {
        rig.write(root, 8, root + 0x1000 | 7);
        rig.write(root + 0x1000, 8, root + 0x2000 | 7);
        rig.write(root + 0x2000 + 8 * (X >>> 21), 8, root + 0x3000 | 7);
        rig.write(leafAt(root), 8, target | 0x67);
        rig.write(root + 0x2000 + 8 * (WINDOW >>> 21), 8, root + 0x4000 | 7);
        for (int i = 0; i < 16; i++) {
            rig.write(root + 0x4000 + 8 * i, 8, A + 0x1000 * i | 0x67);
        }
    }

    private static Vcpu paging(Rig rig, long cr3) {
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.mode(PagingFormat.FOUR_LEVEL, true, true);
        cpu.cr3 = cr3;
        cpu.start();
        return cpu;
    }

    /** The guest writes an entry of its own tables through its window. */
    private static void edit(Vcpu cpu, long gpa, long value) {
        assertThat(cpu.store(WINDOW + gpa - A, 8, value, Access.WRITE)).isTrue();
    }

    private static End at(long gpa) {
        return End.at(Rig.BACKING + gpa);
    }

    @ParameterizedTest
    @CsvSource({"keep, on, true", "keep, off, false", "free, on, true", "free, off, true"})
    void sPcid(String prevRoots, String unload, boolean right) {
        Rig rig = rig(with("roots.prevRootsWhenPcidOff", prevRoots).with("roots.unloadOnPcideSet", unload));
        tables(rig, A, OLD);
        tables(rig, B, OLD);
        Vcpu cpu = paging(rig, B);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(at(OLD));
        cpu.movCr3(A);
        edit(cpu, leafAt(B), NEW | 0x67);
        cpu.discharge(cpu.mmu.invpcid(1, 0, new Gva(0)));
        cpu.enter();
        cpu.movCr4(cpu.cr4 | GuestWalk.CR4_PCIDE);
        cpu.movCr3(B | NO_FLUSH);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(at(right ? NEW : OLD));
    }

    @Test
    void freeingPreviousRootsIsRightAndSlow() {
        long[] built = new long[2];
        for (int i = 0; i < 2; i++) {
            Rig rig = rig(with("roots.prevRootsWhenPcidOff", i == 0 ? "keep" : "free"));
            tables(rig, A, OLD);
            tables(rig, B, NEW);
            Vcpu cpu = paging(rig, A);
            for (int k = 0; k < 10; k++) {
                assertThat(cpu.access(X, Access.READ)).isEqualTo(at(OLD));
                cpu.movCr3(B);
                assertThat(cpu.access(X, Access.READ)).isEqualTo(at(NEW));
                cpu.movCr3(A);
            }
            built[i] = rig.vm.counters().rootsBuilt;
        }
        assertThat(built[0]).isEqualTo(2);
        assertThat(built[1]).isGreaterThan(10);
    }

    /** G18: what a guest flush covers includes previous roots that a later switch without flush may use. */
    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void g18AGuestFlushDropsUnsyncPreviousRoots(String policy, boolean right) {
        Rig rig = rig(with("roots.freeUnsyncOnGuestFlush", policy));
        tables(rig, A, OLD);
        tables(rig, B, OLD);
        Vcpu cpu = paging(rig, B);
        cpu.cr4 |= GuestWalk.CR4_PCIDE;
        cpu.start();
        cpu.access(X, Access.READ);
        cpu.movCr3(A | 1);
        edit(cpu, leafAt(B), NEW | 0x67);
        cpu.discharge(cpu.mmu.invpcid(2, 0, new Gva(0)));
        cpu.enter();
        cpu.movCr3(B | NO_FLUSH);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(at(right ? NEW : OLD));
    }

    /** G17: linking a table where no entry was needs no flush, so its unsync shadow must be brought up to date. */
    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void g17AChildIsSynchronisedBeforeItIsLinked(String policy, boolean right) {
        Rig rig = rig(with("roots.syncChildBeforeLink", policy));
        tables(rig, A, OLD);
        long next = leafAt(A) + 8;
        rig.write(next, 8, OLD | 0x67);
        Vcpu cpu = paging(rig, A);
        cpu.access(X, Access.READ);
        cpu.access(X + 0x1000, Access.READ);
        edit(cpu, next, NEW | 0x67);
        long elsewhere = X + (8L << 21);
        edit(cpu, A + 0x2000 + 8 * (elsewhere >>> 21), A + 0x3000 | 7);
        assertThat(cpu.access(elsewhere, Access.READ)).isEqualTo(at(OLD));
        assertThat(cpu.access(elsewhere + 0x1000, Access.READ)).isEqualTo(at(right ? NEW : OLD));
    }

    /** G13: two upper entries, one of them read-only, share a directory with a read-only and a writable entry. */
    @ParameterizedTest
    @CsvSource({"ancestors, true", "deepest, false"})
    void g13ATableHasTheRightsOfItsAncestors(String policy, boolean right) {
        Rig rig = rig(with("shadow.tableAccess", policy));
        long directory = A + 0x2000;
        rig.write(A, 8, A + 0x1000 | 7);
        rig.write(A + 0x1000, 8, directory | 7);
        rig.write(A + 0x1008, 8, directory | 5);
        rig.write(directory, 8, A + 0x3000 | 5);
        rig.write(directory + 8, 8, A + 0x4000 | 7);
        rig.write(A + 0x3000, 8, OLD | 0x67);
        rig.write(A + 0x4000, 8, NEW | 0x67);
        Vcpu cpu = paging(rig, A);
        long gib = 1 << 30;
        long directoryPage = 1 << 21;
        int read = Access.READ | Access.USER;
        int write = Access.WRITE | Access.USER;
        assertThat(cpu.access(0, read)).isEqualTo(at(OLD));
        assertThat(cpu.access(directoryPage, write)).isEqualTo(at(NEW));
        assertThat(cpu.access(gib, read)).isEqualTo(at(OLD));
        assertThat(cpu.access(gib + directoryPage, write)).isEqualTo(right ? End.fault(7) : at(NEW));
    }

    /** G35: INVEPT must drop cached roots of EPT12 as well. */
    @ParameterizedTest
    @CsvSource({"all, true", "current, false"})
    void g35InveptDropsPreviousRoots(String policy, boolean right) {
        Rig rig = new Rig(MmuConfig.ept(Rig.HOST_BITS).toBuilder()
                .policies(with("roots.freeOnInvept", policy))
                .build());
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.start();
        tables(rig, A, OLD);
        tables(rig, B, NEW);
        for (long root : new long[] {A, B}) {
            rig.write(leafAt(root), 8, rig.read(leafAt(root), 8) & ~0xff0L | 0x30);
        }
        enterL2(cpu, A);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(at(OLD));
        exitL2(cpu);
        enterL2(cpu, B);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(at(NEW));
        exitL2(cpu);
        assertThat(cpu.store(leafAt(A), 8, 0, Access.WRITE)).isTrue();
        cpu.mmu.invept(false, A | 6 | 3 << 3);
        enterL2(cpu, A);
        End end = cpu.access(X, Access.READ);
        assertThat(end.kind()).isEqualTo(right ? "EPT_VIOLATION" : "memory");
    }

    private static void enterL2(Vcpu cpu, long root) {
        cpu.guestMode = true;
        cpu.nestedTdp = true;
        cpu.nestedRoot = root | 6 | 3 << 3;
        cpu.mmu.nestedEntered();
        cpu.raise(Request.TLB_FLUSH_CURRENT);
    }

    private static void exitL2(Vcpu cpu) {
        cpu.guestMode = false;
        cpu.nestedTdp = false;
        cpu.mmu.nestedExited();
        cpu.raise(Request.TLB_FLUSH_CURRENT);
    }

    /** L1 and L2 without EPT use one MMU; their roots differ by role. */
    @Test
    void rootsOfL1AndL2DifferByRole() {
        Rig rig = rig(MmuPolicies.exact());
        tables(rig, A, OLD);
        Vcpu cpu = paging(rig, A);
        cpu.access(X, Access.READ);
        long l1 = cpu.root.hpa();
        cpu.guestMode = true;
        cpu.mmu.nestedEntered();
        cpu.access(X, Access.READ);
        assertThat(cpu.root.hpa()).isNotEqualTo(l1);
        assertThat(Role.has(cpu.mmu.mmu().roots.current.page.role, Role.GUEST_MODE))
                .isTrue();
        cpu.guestMode = false;
        cpu.mmu.nestedExited();
        cpu.enter();
        assertThat(cpu.root.hpa()).isEqualTo(l1);
        assertThat(rig.vm.counters().rootsBuilt).isEqualTo(2);
    }

    /** G36: a table that was unsync at the lowest level becomes a directory. */
    @ParameterizedTest
    @CsvSource({"zap, false", "keep, true", "sync, false"})
    void g36AnUnsyncTableThatBecomesADirectoryIsZapped(String policy, boolean stays) {
        Rig rig = rig(with("shadow.upperLevelUnsync", policy));
        tables(rig, A, OLD);
        Vcpu cpu = paging(rig, A);
        cpu.access(X, Access.READ);
        edit(cpu, leafAt(A), NEW | 0x67);
        edit(cpu, A + 0x3000, A + 0x5000 | 7);
        rig.write(A + 0x5000, 8, NEW | 0x67);
        edit(cpu, A + 0x1000 + 8 * 5, A + 0x3000 | 7);
        assertThat(cpu.access(5L << 30, Access.READ)).isEqualTo(at(NEW));
        boolean unsync = rig.vm.pages.all().stream().anyMatch(page -> page.unsync && page.gfn == A + 0x3000 >>> 12);
        assertThat(unsync).isEqualTo(stays);
    }

    /** G37: with EFER.NXE clear, bit 63 is reserved, whatever was shadowed before. */
    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void g37ShadowsDifferByNx(String policy, boolean right) {
        Rig rig = rig(with("shadow.nxInRole", policy));
        tables(rig, A, OLD);
        rig.write(leafAt(A), 8, OLD | 0x67 | 1L << 63);
        Vcpu cpu = paging(rig, A);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(at(OLD));
        cpu.writeEfer(cpu.efer & ~GuestWalk.EFER_NX);
        cpu.movCr3(A);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(right ? End.fault(9) : at(OLD));
    }

    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void shadowsOfTwoLevelTablesDifferByPse(String policy, boolean right) {
        Rig rig = rig(with("shadow.pseInRole", policy));
        rig.write(A, 4, 0x40_00e7);
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.mode(PagingFormat.TWO_LEVEL, false, true);
        cpu.cr3 = A;
        cpu.start();
        assertThat(cpu.access(0x5000, Access.READ)).isEqualTo(at(0x40_5000));
        rig.write(0x40_0000 + 4 * 5, 4, NEW | 0x67);
        cpu.movCr4(0);
        cpu.movCr3(A);
        assertThat(cpu.access(0x5000, Access.READ)).isEqualTo(at(right ? NEW : 0x40_5000));
    }

    @ParameterizedTest
    @CsvSource({"on, 2", "off, 1"})
    void comparingRolesKeepsPagingModesApart(String policy, int roots) {
        Rig rig = rig(with("roots.compareRole", policy));
        tables(rig, A, OLD);
        Vcpu cpu = paging(rig, A);
        cpu.access(X, Access.READ);
        cpu.guestMode = true;
        cpu.mmu.nestedEntered();
        cpu.enter();
        assertThat(rig.vm.counters().rootsBuilt).isEqualTo(roots);
    }

    @Test
    void aForcedSynchronisationOnReuseAsksForIt() {
        Rig rig = rig(with("roots.forceSyncOnReuse", "on"));
        tables(rig, A, OLD);
        tables(rig, B, OLD);
        Vcpu cpu = paging(rig, A);
        cpu.enter();
        cpu.cr3 = B;
        cpu.mmu.newPgd(B);
        cpu.enter();
        cpu.log.clear();
        cpu.cr3 = A;
        cpu.mmu.newPgd(A);
        assertThat(cpu.log).contains(Request.LOAD_MMU_PGD, Request.MMU_SYNC, Request.TLB_FLUSH_CURRENT);
    }

    @ParameterizedTest
    @CsvSource({"ones, 9", "fault, 0"})
    void tablesOutsideMemory(String policy, long code) {
        Rig rig = rig(with("walk.tableOutsideMemory", policy));
        Vcpu cpu = paging(rig, 0xc000_0000L);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(End.fault(code));
    }
}
