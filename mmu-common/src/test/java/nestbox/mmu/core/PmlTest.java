package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.api.Test;

/** L1's page-modification log, written when L0's walk sets a dirty flag of EPT12. */
class PmlTest {
    private static final long ROOT = 0x10_0000;

    @Test
    void eachNewDirtyFlagIsLoggedAndAFullLogEndsTheAccess() {
        Rig rig = new Rig(MmuConfig.ept(Rig.HOST_BITS));
        for (int level = 0; level < 3; level++) {
            rig.write(ROOT + 0x1000 * level, 8, ROOT + 0x1000 * (level + 1) | 7);
        }
        rig.write(ROOT + 0x3000, 8, 0x37);
        rig.write(ROOT + 0x3008, 8, 0x1037);
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.start();
        cpu.guestMode = true;
        cpu.nestedTdp = true;
        cpu.nestedRoot = ROOT | 6 | 3 << 3 | 1 << 6;
        cpu.mmu.nestedEntered();
        assertThat(cpu.access(0x10, Access.READ)).isEqualTo(End.at(Rig.BACKING + 0x10));
        assertThat(cpu.dirtied).isEmpty();
        assertThat(cpu.access(0x10, Access.WRITE)).isEqualTo(End.at(Rig.BACKING + 0x10));
        assertThat(cpu.access(0x20, Access.WRITE)).isEqualTo(End.at(Rig.BACKING + 0x20));
        assertThat(cpu.dirtied).containsExactly(0L);
        cpu.logFull = true;
        assertThat(cpu.access(0x1010, Access.WRITE).kind()).isEqualTo("PML_FULL");
        assertThat(rig.read(ROOT + 0x3008, 8) & 0x200).isZero();
        cpu.logFull = false;
        assertThat(cpu.access(0x1010, Access.WRITE)).isEqualTo(End.at(Rig.BACKING + 0x1010));
        assertThat(cpu.dirtied).containsExactly(0L, 1L);
    }
}
