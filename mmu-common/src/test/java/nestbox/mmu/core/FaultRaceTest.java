package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Memory changes while a fault is between its look at the slots and the MMU's lock (Linux, is_page_fault_stale). */
class FaultRaceTest {
    private static final long PLACE = 0x4000_0000L;
    private static final long THERE = 0x2_0000_0000L;

    private static Rig rig(String retry) {
        Rig rig = new Rig(MmuConfig.npt(Rig.HOST_BITS).toBuilder()
                .softwareProtected(true)
                .policies(MmuPolicies.exact().with("fault.retry", retry))
                .build());
        rig.memory.mapRam(THERE, 0x1000);
        return rig;
    }

    private static Vcpu racing(Rig rig, Runnable other) {
        Vcpu vcpu = rig.vcpu(GuestModel.intel(40));
        vcpu.cr0 = 1;
        vcpu.start();
        boolean[] once = {true};
        rig.vm.setYieldPoints(point -> {
            if (point == YieldPoint.FAULT_BEFORE_LOCK && once[0]) {
                once[0] = false;
                other.run();
            }
        });
        return vcpu;
    }

    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void memoryThatAppearsIsSeen(String retry, boolean right) {
        Rig rig = rig(retry);
        Vcpu vcpu = racing(
                rig,
                () -> rig.vm
                        .slots()
                        .set(MemorySlots.NORMAL, Slot.ram(1, PLACE, 0x1000, THERE))
                        .request());
        vcpu.access(PLACE, Access.READ);
        assertThat(vcpu.access(PLACE, Access.READ)).isEqualTo(right ? End.at(THERE) : End.mmio(PLACE));
        assertThat(MmuInvariants.broken(rig.vm)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void aPageThatBecomesPrivateIsNotMapped(String retry, boolean right) {
        Rig rig = rig(retry);
        Vcpu vcpu = racing(rig, () -> rig.vm.slots().setPrivate(5, 1, true).request());
        End end = vcpu.access(0x5000, Access.READ);
        if (right) {
            assertThat(vcpu.last).isEqualTo(new FaultResult.MemoryFault(new Gpa(0x5000), 4096, true));
        } else {
            assertThat(end).isEqualTo(End.at(Rig.BACKING + 0x5000));
        }
    }
}
