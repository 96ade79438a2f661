package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** TDP: faults, page sizes, MMIO entries, dirty logging, read-only slots, private memory. */
class DirectMmuTest {
    private static final long HOLE = 0x4000_0000L;

    private static MmuConfig config(HostFormat format) {
        return (format.ept() ? MmuConfig.ept(Rig.HOST_BITS) : MmuConfig.npt(Rig.HOST_BITS))
                .toBuilder().format(format).build();
    }

    private static Vcpu started(Rig rig) {
        Vcpu vcpu = rig.vcpu(GuestModel.intel(40));
        vcpu.start();
        return vcpu;
    }

    @ParameterizedTest
    @EnumSource(HostFormat.class)
    void everyFormatMapsAllOfMemory(HostFormat format) {
        Rig rig = new Rig(config(format));
        Vcpu vcpu = started(rig);
        for (long gpa = 0; gpa < Rig.RAM_BYTES; gpa += 0x7_1238) {
            for (int access : new int[] {Access.READ, Access.WRITE, Access.EXECUTE}) {
                assertThat(vcpu.access(gpa, access)).isEqualTo(End.at(Rig.BACKING + gpa));
            }
        }
        assertThat(rig.vm.counters().largeSptesMapped).isPositive();
        assertThat(vcpu.access(HOLE + 8, Access.READ)).isEqualTo(End.mmio(HOLE + 8));
    }

    @ParameterizedTest
    @EnumSource(HostFormat.class)
    void aDeviceIsFoundByTheEntryAndThenByTheCache(HostFormat format) {
        Rig rig = new Rig(config(format));
        Vcpu vcpu = started(rig);
        MmuCounters counters = rig.vm.counters();
        vcpu.access(HOLE, Access.READ);
        assertThat(counters.pfMmioSpteCreated).isEqualTo(1);
        vcpu.access(HOLE + 0x1000, Access.READ);
        assertThat(counters.mmioSpteHits).isZero();
        vcpu.access(HOLE, Access.WRITE);
        assertThat(counters.mmioSpteHits).isEqualTo(1);
        assertThat(counters.mmioCacheHits).isZero();
        vcpu.access(HOLE + 4, Access.READ);
        assertThat(counters.mmioCacheHits).isEqualTo(1);
    }

    @Test
    void withoutMmioCachingEachAccessFaultsAsIfNothingWereThere() {
        Rig rig = new Rig(
                MmuConfig.ept(Rig.HOST_BITS).toBuilder().mmioCaching(false).build());
        Vcpu vcpu = started(rig);
        vcpu.access(HOLE, Access.READ);
        vcpu.access(HOLE, Access.READ);
        assertThat(rig.vm.counters().pfMmioSpteCreated).isZero();
        assertThat(rig.vm.counters().mmioCacheFills).isEqualTo(2);
    }

    @Test
    void aNewSlotEndsWhatWasADevice() {
        Rig rig = new Rig(MmuConfig.npt(Rig.HOST_BITS));
        Vcpu vcpu = started(rig);
        vcpu.access(HOLE, Access.READ);
        vcpu.access(HOLE, Access.READ);
        rig.memory.mapRam(0x2_0000_0000L, 1 << 20);
        rig.vm.slots().set(0, Slot.ram(1, HOLE, 1 << 20, 0x2_0000_0000L)).request();
        assertThat(vcpu.access(HOLE + 16, Access.WRITE)).isEqualTo(End.at(0x2_0000_0010L));
        rig.vm.slots().delete(0, 1).request();
        assertThat(vcpu.access(HOLE + 16, Access.WRITE)).isEqualTo(End.mmio(HOLE + 16));
        rig.vm.slots().set(0, Slot.ram(1, HOLE, 1 << 20, 0x2_0000_0000L)).request();
        rig.vm
                .slots()
                .set(0, Slot.ram(1, HOLE + 0x10_0000, 1 << 20, 0x2_0000_0000L))
                .request();
        assertThat(vcpu.access(HOLE + 16, Access.READ)).isEqualTo(End.mmio(HOLE + 16));
        assertThat(vcpu.access(HOLE + 0x10_0010, Access.READ)).isEqualTo(End.at(0x2_0000_0010L));
    }

    @Test
    void anOpenInvalidationForbidsEntry() {
        Rig rig = new Rig(MmuConfig.npt(Rig.HOST_BITS));
        Vcpu vcpu = started(rig);
        vcpu.access(0, Access.READ);
        Invalidation open = rig.vm.slots().delete(0, 0);
        assertThat(open.scope()).isEqualTo(Invalidation.Scope.ALL_VCPUS);
        assertThat(org.assertj.core.api.Assertions.catchThrowable(vcpu::enter)).hasMessageContaining("discharged");
        open.request();
        vcpu.enter();
    }

    @Test
    void writesToReadOnlySlotsAreEmulatedAndNotTakenForDevices() {
        Rig rig = new Rig(MmuConfig.ept(Rig.HOST_BITS));
        rig.memory.mapRam(0x2_0000_0000L, 1 << 21);
        rig.vm
                .slots()
                .set(0, Slot.ram(1, HOLE, 1 << 21, 0x2_0000_0000L).withReadOnly(true))
                .request();
        Vcpu vcpu = started(rig);
        assertThat(vcpu.access(HOLE, Access.READ)).isEqualTo(End.at(0x2_0000_0000L));
        vcpu.access(HOLE, Access.WRITE);
        assertThat(vcpu.last).isEqualTo(new FaultResult.Emulate(FaultResult.Reason.UNMAPPABLE, false));
        assertThat(vcpu.mmu.isMmio(new Gpa(HOLE))).isFalse();
    }

    @ParameterizedTest
    @EnumSource(HostFormat.class)
    void dirtyLoggingSeesEachFirstWrite(HostFormat format) {
        Rig rig = new Rig(config(format));
        Vcpu vcpu = started(rig);
        vcpu.access(0x20_0000, Access.WRITE);
        Slot ram = rig.vm.slots().at(0, 0);
        rig.vm.slots().set(0, ram.withDirtyLog(true)).request();
        vcpu.access(0x20_3000, Access.READ);
        assertThat(rig.vm.slots().takeDirty(0, 0)).containsOnly(0);
        vcpu.access(0x20_3000, Access.WRITE);
        vcpu.access(0x20_5000, Access.WRITE);
        assertThat(rig.vm.counters().pfFast).isEqualTo(1);
        assertThat(rig.vm.slots().takeDirty(0, 0)[0x203 >> 6]).isEqualTo(1L << 0x203 | 1L << 0x205);
        vcpu.access(0x20_5000, Access.WRITE);
        assertThat(rig.vm.slots().takeDirty(0, 0)[0x203 >> 6]).isEqualTo(1L << 0x205);
        assertThat(rig.vm.counters().pfFast).isEqualTo(2);
        rig.vm.slots().set(0, ram).request();
        assertThat(rig.vm.slots().takeDirty(0, 0)).isEmpty();
        vcpu.access(0x20_5000, Access.WRITE);
    }

    @Test
    void aPrivatePageEndsInAMemoryFaultAndIsNotCached() {
        Rig rig = new Rig(
                MmuConfig.npt(Rig.HOST_BITS).toBuilder().softwareProtected(true).build());
        Vcpu vcpu = started(rig);
        assertThat(vcpu.access(0x5000, Access.READ)).isEqualTo(End.at(Rig.BACKING + 0x5000));
        rig.vm.slots().setPrivate(5, 1, true).request();
        rig.vm.slots().setPrivate(HOLE >>> 12, 1, true).request();
        vcpu.access(0x5000, Access.READ);
        assertThat(vcpu.last).isEqualTo(new FaultResult.MemoryFault(new Gpa(0x5000), 4096, true));
        vcpu.access(HOLE, Access.READ);
        assertThat(vcpu.last).isEqualTo(new FaultResult.MemoryFault(new Gpa(HOLE), 4096, true));
        assertThat(rig.vm.counters().mmioCacheFills).isZero();
        assertThat(vcpu.access(0x6000, Access.READ)).isEqualTo(End.at(Rig.BACKING + 0x6000));
        rig.vm.slots().setPrivate(5, 1, false).request();
        assertThat(vcpu.access(0x5000, Access.READ)).isEqualTo(End.at(Rig.BACKING + 0x5000));
    }

    @Test
    void theGenerationWrapZapsEverything() {
        for (String value : new String[] {"zap", "ignore"}) {
            MmuPolicies policies = MmuPolicies.exact().with("mmioCache.generationWrap", value);
            Rig rig = new Rig(
                    MmuConfig.ept(Rig.HOST_BITS).toBuilder().policies(policies).build());
            Vcpu vcpu = started(rig);
            rig.memory.mapRam(0x2_0000_0000L, 1 << 12);
            rig.vm.slots().setGeneration(2);
            vcpu.access(HOLE, Access.READ);
            rig.vm.slots().setGeneration((1 << 19) - 2);
            rig.vm.slots().set(0, Slot.ram(1, HOLE, 1 << 12, 0x2_0000_0000L)).request();
            rig.vm
                    .slots()
                    .set(0, Slot.ram(2, 2 * HOLE, 1 << 12, 0x2_0000_0000L))
                    .request();
            End wanted = value.equals("zap") ? End.at(0x2_0000_0000L) : End.mmio(HOLE);
            assertThat(vcpu.access(HOLE, Access.READ)).as(value).isEqualTo(wanted);
        }
    }

    @Test
    void aPageOfTheApicIsADeviceForL2() {
        Rig rig = new Rig(MmuConfig.ept(Rig.HOST_BITS));
        rig.memory.mapRam(0x2_0000_0000L, 1 << 12);
        rig.vm
                .slots()
                .set(0, new Slot(1, 0xfee00, 1, 0x2_0000_0000L, false, false, true))
                .request();
        Vcpu vcpu = started(rig);
        assertThat(vcpu.access(0xfee0_0000L, Access.READ)).isEqualTo(End.at(0x2_0000_0000L));
        vcpu.guestMode = true;
        vcpu.mmu.nestedEntered();
        vcpu.access(0xfee0_0000L, Access.READ);
        assertThat(vcpu.last).isEqualTo(new FaultResult.Emulate(FaultResult.Reason.MMIO, false));
        vcpu.guestMode = false;
        vcpu.mmu.nestedExited();
        assertThat(vcpu.access(0xfee0_0000L, Access.READ)).isEqualTo(End.at(0x2_0000_0000L));
    }

    @Test
    void theReferenceMmuMapsSinglePagesAndDropsThemAfterEachInstruction() {
        Rig rig =
                new Rig(MmuConfig.ept(Rig.HOST_BITS).toBuilder().reference(true).build());
        Vcpu vcpu = started(rig);
        vcpu.access(0, Access.READ);
        vcpu.access(0x1000, Access.WRITE);
        assertThat(rig.vm.counters().largeSptesMapped).isZero();
        assertThat(rig.vm.counters().pfFixed).isEqualTo(2);
        vcpu.mmu.instructionBoundary();
        assertThat(rig.frames.used()).isZero();
        vcpu.access(0, Access.READ);
        assertThat(rig.vm.counters().pfFixed).isEqualTo(3);
    }
}
