package nestbox.vmx.vmcs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.vmx.capability.VmxFeature;
import org.junit.jupiter.api.Test;

class VmcsFieldTest {
    /** SDM Vol. 3, "VMREAD, VMWRITE, and Encodings of VMCS Fields": what an encoding may look like. */
    @Test
    void encodingsFollowTheRules() {
        for (VmcsField field : VmcsField.values()) {
            int encoding = field.encoding();
            assertThat(encoding & 1).as("%s: access type full", field).isZero();
            assertThat(encoding & 0x1000).as("%s: bit 12 reserved", field).isZero();
            assertThat(encoding >>> 15).as("%s: bits 31:15 reserved", field).isZero();
            assertThat(field.index()).as("%s", field).isEqualTo(encoding >> 1 & 0x1ff);
        }
    }

    @Test
    void noDuplicates() {
        Set<Integer> encodings = new HashSet<>();
        Set<String> titles = new HashSet<>();
        for (VmcsField field : VmcsField.values()) {
            assertThat(encodings.add(field.encoding())).as("%s", field).isTrue();
            assertThat(titles.add(field.title())).as("%s", field).isTrue();
        }
    }

    /** Rows of a kind are in the order of their index, without holes but those that no public text fills. */
    @Test
    void indicesHaveNoUnexplainedGaps() {
        Set<Integer> holes = Set.of(0x203c, 0x2046, 0x2048, 0x2050, 0x282a, 0x282c, 0x2c18, 0x482c);
        VmcsField previous = null;
        for (VmcsField field : VmcsField.values()) {
            boolean sameKind = previous != null && previous.encoding() >> 10 == field.encoding() >> 10;
            int expected = sameKind ? previous.encoding() + 2 : field.encoding() & ~0x3ff;
            while (holes.contains(expected)) {
                expected += 2;
            }
            assertThat(field.encoding()).as("%s", field).isEqualTo(expected);
            previous = field;
        }
    }

    /** Spot checks against the appendix. */
    @Test
    void knownRows() {
        assertThat(VmcsField.byEncoding(0x681e)).isEqualTo(VmcsField.GUEST_RIP);
        assertThat(VmcsField.byEncoding(0x4402)).isEqualTo(VmcsField.VM_EXIT_REASON);
        assertThat(VmcsField.byEncoding(0x2801)).isEqualTo(VmcsField.VMCS_LINK_POINTER);
        assertThat(VmcsField.byEncoding(0x6c17))
                .as("high access to a natural-width field")
                .isNull();
        assertThat(VmcsField.byEncoding(0x1_0000_0000L)).isNull();
        assertThat(VmcsField.byEncoding(0x1000)).isNull();
        assertThat(VmcsField.byEncoding(0x8000)).isNull();
        assertThat(VmcsField.byEncoding(0x28fe)).isNull();
        assertThat(VmcsField.byEncoding(-1)).isNull();
        assertThat(VmcsField.VM_EXIT_REASON.group()).isEqualTo(VmcsField.Group.READ_ONLY);
        assertThat(VmcsField.GUEST_TR_SELECTOR.mask()).isEqualTo(0xffff);
    }

    @Test
    void readOnlyFieldsAreTheExitInformation() {
        List<VmcsField> readOnly = List.of(VmcsField.values()).stream()
                .filter(field -> field.group() == VmcsField.Group.READ_ONLY)
                .toList();
        assertThat(readOnly).contains(VmcsField.EXIT_QUALIFICATION, VmcsField.GUEST_PHYSICAL_ADDRESS, VmcsField.IO_RIP);
        assertThat(readOnly).allMatch(field -> (field.encoding() >> 10 & 3) == 1);
    }

    @Test
    void existenceFollowsFeatures() {
        Set<VmxFeature> none = EnumSet.noneOf(VmxFeature.class);
        assertThat(VmcsField.EPT_POINTER.exists(none)).isFalse();
        assertThat(VmcsField.EPT_POINTER.exists(EnumSet.of(VmxFeature.ENABLE_EPT)))
                .isTrue();
        assertThat(VmcsField.GUEST_IA32_PAT.exists(EnumSet.of(VmxFeature.EXIT_SAVE_PAT)))
                .isTrue();
        assertThat(VmcsField.GUEST_CR0.exists(none)).isTrue();
    }

    @Test
    void layoutHasNoOverlapsAndFits() {
        boolean[] used = new boolean[4096];
        for (VmcsField field : VmcsField.values()) {
            int offset = VmcsLayout.offset(field);
            int bytes = field.width().bytes();
            assertThat(offset % bytes).isZero();
            for (int i = 0; i < bytes; i++) {
                assertThat(used[offset + i]).as("%s", field).isFalse();
                used[offset + i] = true;
            }
        }
        assertThat(used[0] || used[15]).as("header is free").isFalse();
        assertThat(VmcsLayout.size()).isLessThanOrEqualTo(4096);
    }

    @Test
    void cachedVmcsIsWrittenBackOnce() {
        PhysicalMemory memory = new PhysicalMemory(36);
        memory.mapRam(0, 1 << 20);
        memory.write(0x5000, 4, 0x8000_0007L);
        Vmcs vmcs = new Vmcs(0x5000, new long[VmcsField.count()]);
        vmcs.load(memory);
        assertThat(vmcs.shadow()).isTrue();
        assertThat(vmcs.revision()).isEqualTo(7);
        for (VmcsField field : VmcsField.values()) {
            vmcs.set(field, -1L - field.ordinal());
            assertThat(vmcs.get(field)).isEqualTo(-1L - field.ordinal() & field.mask());
        }
        vmcs.setLaunchState(Vmcs.LAUNCHED);
        assertThat(memory.read(0x5000 + VmcsLayout.offset(VmcsField.GUEST_RIP), 8))
                .as("not yet")
                .isZero();
        vmcs.writeBack(memory);
        Vmcs again = new Vmcs(0x5000, new long[VmcsField.count()]);
        again.load(memory);
        assertThat(again.launchState()).isEqualTo(Vmcs.LAUNCHED);
        for (VmcsField field : VmcsField.values()) {
            assertThat(again.get(field)).as("%s", field).isEqualTo(vmcs.get(field));
        }
        memory.write(0x5000 + VmcsLayout.offset(VmcsField.GUEST_RIP), 8, 5);
        vmcs.writeBack(memory);
        assertThat(memory.read(0x5000 + VmcsLayout.offset(VmcsField.GUEST_RIP), 8))
                .as("clean fields stay")
                .isEqualTo(5);
    }
}
