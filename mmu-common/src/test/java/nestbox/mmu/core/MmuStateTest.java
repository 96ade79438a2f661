package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.api.Test;

/** Slots, dirty bits and the MMIO cache survive saving; translations are made again. */
class MmuStateTest {
    @Test
    void whatIsSavedComesBack() {
        Rig rig = new Rig(MmuConfig.ept(Rig.HOST_BITS));
        rig.vm.slots().set(0, rig.vm.slots().at(0, 0).withDirtyLog(true)).request();
        rig.vm.slots().setPrivate(9, 2, true).request();
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.start();
        cpu.access(0x5000, Access.WRITE);
        cpu.access(0x4000_0000L, Access.READ);
        StateWriter out = new StateWriter();
        rig.vm.slots().save(out);
        cpu.mmu.save(out);

        Rig other = new Rig(MmuConfig.ept(Rig.HOST_BITS));
        Vcpu restored = other.vcpu(GuestModel.intel(40));
        restored.start();
        restored.access(0x6000, Access.WRITE);
        StateReader in = new StateReader(out.toByteArray());
        other.vm.slots().restore(in);
        restored.mmu.restore(in);
        restored.requests.add(Request.TLB_FLUSH);
        assertThat(other.vm.slots().all(0)).isEqualTo(rig.vm.slots().all(0));
        assertThat(other.vm.slots().isPrivate(10)).isTrue();
        assertThat(restored.mmu.isMmio(new Gpa(0x4000_0000L))).isTrue();
        assertThat(restored.access(0x5000, Access.READ)).isEqualTo(End.at(Rig.BACKING + 0x5000));
        assertThat(other.vm.slots().takeDirty(0, 0)[0]).isEqualTo(1 << 5);
        assertThat(MmuInvariants.broken(other.vm)).isEmpty();
    }
}
