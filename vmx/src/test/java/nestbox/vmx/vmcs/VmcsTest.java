package nestbox.vmx.vmcs;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.memory.PhysicalMemory;
import org.junit.jupiter.api.Test;

/** The processor's copy of a VMCS and the region in memory. */
class VmcsTest {
    private static final long ADDRESS = 0x3000;
    private static final int REVISION = 0x1234;

    private static Vmcs at(long address) {
        return new Vmcs(address, new long[VmcsField.count()]);
    }

    private static PhysicalMemory memory() {
        PhysicalMemory memory = new PhysicalMemory(36);
        memory.mapRam(0, 1 << 20);
        memory.write(ADDRESS, 4, REVISION);
        return memory;
    }

    /** Every field, with a value that tells it from the others. */
    private static Vmcs full(PhysicalMemory memory) {
        Vmcs vmcs = at(ADDRESS);
        vmcs.load(memory);
        for (VmcsField field : VmcsField.values()) {
            vmcs.set(field, 0x0101_0101_0101_0101L * (field.ordinal() + 1));
        }
        vmcs.setLaunchState(Vmcs.LAUNCHED);
        return vmcs;
    }

    private static void isFull(Vmcs vmcs) {
        assertThat(vmcs.revision()).isEqualTo(REVISION);
        assertThat(vmcs.launchState()).isEqualTo(Vmcs.LAUNCHED);
        for (VmcsField field : VmcsField.values()) {
            assertThat(vmcs.get(field))
                    .as(field.name())
                    .isEqualTo(0x0101_0101_0101_0101L * (field.ordinal() + 1) & field.mask());
        }
    }

    @Test
    void whatIsWrittenBackIsLoadedAgain() {
        PhysicalMemory memory = memory();
        full(memory).writeBack(memory);
        Vmcs again = at(ADDRESS);
        again.load(memory);
        isFull(again);
    }

    /** As KVM_SET_NESTED_STATE gives it, which VMCLEAR then puts into memory. */
    @Test
    void aRegionFromOutsideIsWrittenBackAsAWhole() {
        byte[] region = full(memory()).region();
        Vmcs given = at(ADDRESS);
        given.load(region);
        isFull(given);
        PhysicalMemory memory = memory();
        given.writeBack(memory);
        Vmcs again = at(ADDRESS);
        again.load(memory);
        isFull(again);
    }
}
