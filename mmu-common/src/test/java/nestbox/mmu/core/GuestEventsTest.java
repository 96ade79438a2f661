package nestbox.mmu.core;

import static nestbox.mmu.core.Request.LOAD_MMU_PGD;
import static nestbox.mmu.core.Request.MMU_SYNC;
import static nestbox.mmu.core.Request.TLB_FLUSH_CURRENT;
import static nestbox.mmu.core.Request.TLB_FLUSH_GUEST;
import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.PagingFormat;
import org.junit.jupiter.api.Test;

/** The rows of table B.5: which event of the guest raises which requests and drops which roots. */
class GuestEventsTest {
    private static final long WP = GuestWalk.CR0_WP;
    private static final long PG = GuestWalk.CR0_PG;
    private static final long A = 0x10_0000L;
    private static final long B = 0x10_1000L;

    private final Rig shadow = new Rig(MmuConfig.shadow(Rig.HOST_BITS));
    private final Rig tdp = new Rig(MmuConfig.ept(Rig.HOST_BITS));

    private static Vcpu started(Rig rig) {
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.mode(PagingFormat.FOUR_LEVEL, true, true);
        cpu.cr3 = A;
        cpu.start();
        cpu.enter();
        cpu.log.clear();
        return cpu;
    }

    private static boolean rootKept(Vcpu cpu) {
        return cpu.mmu.currentRoot() != null;
    }

    @Test
    void writeProtectWithoutPagingIsNothing() {
        Vcpu cpu = started(shadow);
        cpu.movCr0(1);
        cpu.enter();
        cpu.log.clear();
        cpu.movCr0(1 | WP);
        assertThat(rootKept(cpu)).isTrue();
        assertThat(cpu.log).isEmpty();
    }

    @Test
    void writeProtectResetsShadowPagingAlone() {
        Vcpu direct = started(tdp);
        direct.movCr0(direct.cr0 ^ WP);
        assertThat(rootKept(direct)).isTrue();
        Vcpu cpu = started(shadow);
        cpu.movCr0(cpu.cr0 ^ WP);
        assertThat(rootKept(cpu)).isFalse();
        assertThat(cpu.log).isEmpty();
    }

    @Test
    void leavingPagingFlushesAndEnteringResets() {
        Vcpu cpu = started(shadow);
        cpu.movCr0(cpu.cr0 & ~PG);
        assertThat(cpu.log).containsExactly(TLB_FLUSH_GUEST);
        assertThat(rootKept(cpu)).isFalse();
        cpu.enter();
        cpu.log.clear();
        cpu.movCr0(cpu.cr0 | PG);
        assertThat(cpu.log).isEmpty();
        assertThat(rootKept(cpu)).isFalse();
    }

    @Test
    void theSameCr3IsNoSwitchButAFlush() {
        Vcpu cpu = started(shadow);
        cpu.movCr3(A);
        assertThat(cpu.log).containsExactly(MMU_SYNC, TLB_FLUSH_CURRENT);
        assertThat(rootKept(cpu)).isTrue();
        Vcpu direct = started(tdp);
        direct.movCr3(A);
        assertThat(direct.log).containsExactly(TLB_FLUSH_GUEST);
    }

    @Test
    void anotherCr3SwitchesAndFlushesTheCurrentPcid() {
        Vcpu cpu = started(shadow);
        cpu.movCr3(B);
        assertThat(cpu.log).containsExactly(MMU_SYNC, TLB_FLUSH_CURRENT);
        assertThat(rootKept(cpu)).isFalse();
        cpu.enter();
        cpu.log.clear();
        cpu.movCr3(A);
        assertThat(cpu.log).containsExactly(LOAD_MMU_PGD, MMU_SYNC, TLB_FLUSH_CURRENT);
        Vcpu direct = started(tdp);
        direct.movCr3(B);
        assertThat(direct.log).containsExactly(LOAD_MMU_PGD, TLB_FLUSH_GUEST);
    }

    @Test
    void noFlushFlushesNothingAndOtherPcidsLoseTheirRoots() {
        Vcpu cpu = started(shadow);
        cpu.movCr4(cpu.cr4 | GuestWalk.CR4_PCIDE);
        cpu.enter();
        cpu.movCr3(B | 1);
        cpu.enter();
        cpu.log.clear();
        cpu.movCr3(A | Long.MIN_VALUE);
        assertThat(cpu.log).containsExactly(LOAD_MMU_PGD);
        cpu.log.clear();
        assertThat(cpu.mmu.invpcid(1, 1, new Gva(0)).scope()).isEqualTo(Invalidation.Scope.NOTHING);
        assertThat(cpu.log).isEmpty();
        cpu.movCr3(B | 1 | Long.MIN_VALUE);
        assertThat(cpu.log).isEmpty();
        assertThat(rootKept(cpu)).isFalse();
    }

    @Test
    void bitsOfCr4() {
        Vcpu cpu = started(shadow);
        cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_SMEP);
        assertThat(cpu.log).containsExactly(TLB_FLUSH_CURRENT);
        assertThat(rootKept(cpu)).isFalse();
        cpu.enter();
        cpu.log.clear();
        cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_SMEP);
        assertThat(cpu.log).isEmpty();
        cpu.enter();
        cpu.movCr4(cpu.cr4 ^ GuestWalk.CR4_PGE);
        assertThat(cpu.log).containsExactly(TLB_FLUSH_GUEST);
        assertThat(rootKept(cpu)).isTrue();
        cpu.enter();
        cpu.log.clear();
        cpu.movCr4(cpu.cr4 | GuestWalk.CR4_PCIDE);
        assertThat(cpu.log).isEmpty();
        assertThat(rootKept(cpu)).isFalse();
        cpu.enter();
        cpu.movCr4(cpu.cr4 & ~GuestWalk.CR4_PCIDE);
        assertThat(cpu.log).containsExactly(TLB_FLUSH_GUEST);
        assertThat(rootKept(cpu)).isTrue();
    }

    @Test
    void pcideSetUnderTdpKeepsTheRoot() {
        Vcpu cpu = started(tdp);
        cpu.movCr4(cpu.cr4 | GuestWalk.CR4_PCIDE);
        assertThat(rootKept(cpu)).isTrue();
        assertThat(cpu.log).isEmpty();
    }

    @Test
    void invlpgOfANonCanonicalAddressIsNothing() {
        Vcpu cpu = started(shadow);
        assertThat(cpu.mmu.invlpg(new Gva(1L << 50)).scope()).isEqualTo(Invalidation.Scope.NOTHING);
        Invalidation one = cpu.mmu.invlpg(new Gva(0x5000));
        assertThat(one.scope()).isEqualTo(Invalidation.Scope.ADDRESS);
        assertThat(one.address()).isEqualTo(0x5000);
        one.discharged();
        assertThat(cpu.log).isEmpty();
    }

    @Test
    void invpcidOfAllIsAGuestFlush() {
        Vcpu cpu = started(shadow);
        cpu.mmu.invpcid(2, 0, new Gva(0));
        assertThat(cpu.log).containsExactly(TLB_FLUSH_GUEST);
        cpu.enter();
        cpu.log.clear();
        cpu.mmu.invpcid(3, 0, new Gva(0));
        assertThat(cpu.log).containsExactly(TLB_FLUSH_GUEST);
    }

    @Test
    void noExecuteResets() {
        Vcpu cpu = started(shadow);
        cpu.writeEfer(cpu.efer ^ GuestWalk.EFER_NX);
        assertThat(rootKept(cpu)).isFalse();
    }

    @Test
    void newPdptesFreeThePaeRoots() {
        Vcpu cpu = shadow.vcpu(GuestModel.intel(40));
        cpu.mode(PagingFormat.PAE, true, true);
        cpu.cr3 = 0x8000;
        shadow.write(0x8000, 8, A | 1);
        cpu.start();
        cpu.loadPdptes();
        cpu.enter();
        assertThat(cpu.root.pae()).isTrue();
        assertThat(cpu.root.hpa()).isLessThan(1L << 32);
        cpu.movCr3(0x8000);
        assertThat(rootKept(cpu)).isTrue();
        shadow.write(0x8008, 8, B | 1);
        cpu.movCr3(0x8000);
        assertThat(rootKept(cpu)).isFalse();
        assertThat(cpu.mmu.readPdptes(0x8000)).containsExactly(A | 1, B | 1, 0, 0);
        shadow.write(0x8008, 8, B | 3);
        assertThat(cpu.mmu.readPdptes(0x8000)).isNull();
        assertThat(cpu.mmu.readPdptes(0xc000_0000L)).isNull();
    }

    @Test
    void aDeletedSlotMakesRootsObsolete() {
        Vcpu cpu = started(tdp);
        tdp.vm.slots().set(0, Slot.ram(1, 0x4000_0000L, 0x1000, 0x2_0000_0000L)).request();
        cpu.enter();
        cpu.log.clear();
        tdp.vm.slots().delete(0, 1).request();
        assertThat(cpu.log).contains(Request.MMU_FREE_OBSOLETE_ROOTS, Request.TLB_FLUSH);
        assertThat(cpu.mmu.pageFault(new Gpa(0x1000), PfError.WRITE)).isEqualTo(FaultResult.Resume.RETRY);
    }

    @Test
    void aFaultWithoutARootIsTriedAgain() {
        Vcpu cpu = started(tdp);
        cpu.mmu.unload();
        assertThat(cpu.mmu.pageFault(new Gpa(0x1000), PfError.WRITE)).isEqualTo(FaultResult.Resume.RETRY);
    }

    @Test
    void aSlotThatVanishesDuringAFaultIsSeen() {
        Vcpu cpu = started(tdp);
        tdp.memory.mapRam(0x2_0000_0000L, 1 << 12);
        tdp.vm.slots().set(0, Slot.ram(1, 0x4000_0000L, 0x1000, 0x2_0000_0000L)).request();
        cpu.enter();
        boolean[] once = {true};
        tdp.vm.setYieldPoints(point -> {
            if (point == YieldPoint.FAULT_BEFORE_LOCK && once[0]) {
                once[0] = false;
                tdp.vm.slots().delete(0, 1).request();
            }
        });
        assertThat(cpu.mmu.pageFault(new Gpa(0x4000_0000L), PfError.WRITE)).isEqualTo(FaultResult.Resume.RETRY);
        assertThat(MmuInvariants.broken(tdp.vm)).isEmpty();
    }
}
