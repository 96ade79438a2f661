package nestbox.vmx.capability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;

class VmxCapabilityTest {
    private static final VmxCapability PENRYN = capability("Penryn");
    private static final VmxCapability NEHALEM = capability("Nehalem");
    private static final VmxCapability SKYLAKE = capability("Skylake-Server");
    private static final VmxCapability NEWEST = capability("SapphireRapids");

    private static VmxCapability capability(String model, Object... switches) {
        return VmxModel.of(TestCpu.of(model, switches)).capability();
    }

    @Test
    void featuresHaveUniqueNamesAndBits() {
        Set<String> names = new HashSet<>();
        Set<String> bits = new HashSet<>();
        for (VmxFeature feature : VmxFeature.values()) {
            assertThat(names.add(feature.qemuName())).as("%s", feature).isTrue();
            assertThat(bits.add(feature.word() + " " + feature.bit()))
                    .as("%s", feature)
                    .isTrue();
            assertThat(VmxFeature.byName(feature.qemuName())).isEqualTo(feature);
        }
    }

    /** SDM Vol. 3, Appendix "VMX Capability Reporting Facility": bits 31:0 of the legacy MSRs are the default1 class. */
    @Test
    void legacyMsrsReportTheDefault1Class() {
        for (VmxCapability capability : new VmxCapability[] {PENRYN, NEHALEM, SKYLAKE, NEWEST}) {
            assertThat((int) capability.msr(0x481)).isEqualTo(0x16);
            assertThat((int) capability.msr(0x482)).isEqualTo(0x0401_e172);
            assertThat((int) capability.msr(0x483)).isEqualTo(0x0003_6dff);
            assertThat((int) capability.msr(0x484)).isEqualTo(0x11ff);
            for (int msr = 0x481; msr <= 0x484; msr++) {
                long value = capability.msr(msr);
                assertThat(value & 0xffff_ffffL & ~(value >>> 32))
                        .as("what must be 1 may be 1")
                        .isZero();
            }
        }
    }

    @Test
    void trueMsrsFreeWhatIsFlexible() {
        assertThat(PENRYN.hasMsr(0x48e)).isFalse();
        assertThat(PENRYN.msr(0x480) >>> 55 & 1).isZero();
        assertThat(NEHALEM.msr(0x480) >>> 55 & 1).isOne();
        assertThat((int) NEHALEM.msr(0x48d)).isEqualTo(0x16);
        assertThat((int) NEHALEM.msr(0x48e)).isEqualTo(0x0400_6172);
        assertThat((int) NEHALEM.msr(0x48f)).isEqualTo(0x0003_6dfb);
        assertThat((int) NEHALEM.msr(0x490)).isEqualTo(0x11fb);
    }

    @Test
    void basic() {
        long basic = SKYLAKE.msr(0x480);
        assertThat(basic & 0x8000_0000L).isZero();
        assertThat(basic >>> 32 & 0x1fff).isEqualTo(4096);
        assertThat(basic >>> 48 & 3).as("no address limit, no dual monitor").isZero();
        assertThat(basic >>> 50 & 0xf).as("write-back").isEqualTo(6);
        assertThat(basic >>> 56 & 1).isZero();
        assertThat(NEWEST.msr(0x480) >>> 56 & 1).as("any error code").isOne();
    }

    /** Values of IA32_VMX_EPT_VPID_CAP that these processors are known for, less what Nestbox refuses. */
    @Test
    void eptVpid() {
        assertThat(PENRYN.hasMsr(0x48c)).isFalse();
        assertThat(NEHALEM.msr(0x48c)).isEqualTo(0xf01_0611_4141L);
        assertThat(capability("Haswell").msr(0x48c)).isEqualTo(0xf01_0633_4141L);
        assertThat(SKYLAKE.msr(0x48c)).isEqualTo(0xf01_0673_4141L);
        assertThat(capability("Icelake-Server").msr(0x48c)).isEqualTo(0xf01_0673_41c1L);
    }

    @Test
    void misc() {
        assertThat(PENRYN.msr(0x485)).isEqualTo(0x4_01c0);
        assertThat(SKYLAKE.msr(0x485)).isEqualTo(0x6004_01e5L);
    }

    @Test
    void vmcsEnumerationIsTheHighestIndexThatExists() {
        for (String name : VmxModels.names()) {
            VmxModel model = VmxModel.of(TestCpu.of(name));
            int highest = 0;
            for (int encoding = 0; encoding < 0x8000; encoding++) {
                VmcsField field = VmcsField.byEncoding(encoding);
                if (field != null && model.has(field)) {
                    highest = Math.max(highest, encoding & 0x3fe);
                }
            }
            assertThat(model.capability().msr(0x48a)).as(name).isEqualTo(highest);
        }
    }

    @Test
    void fixedBits() {
        assertThat(SKYLAKE.msr(0x486)).isEqualTo(0x8000_0021L);
        assertThat(SKYLAKE.msr(0x487)).isEqualTo(0xffff_ffffL);
        assertThat(SKYLAKE.msr(0x488)).isEqualTo(0x2000);
        assertThat(SKYLAKE.msr(0x489) >>> 12 & 1).as("no LA57").isZero();
        assertThat(NEWEST.msr(0x489) >>> 12 & 1).isOne();
    }

    @Test
    void steps() {
        assertThat(PENRYN.has(VmxFeature.ENABLE_EPT)).isFalse();
        assertThat(NEHALEM.has(VmxFeature.ENABLE_EPT)).isTrue();
        assertThat(NEHALEM.has(VmxFeature.UNRESTRICTED_GUEST)).isFalse();
        assertThat(capability("Westmere").has(VmxFeature.UNRESTRICTED_GUEST)).isTrue();
        assertThat(capability("Haswell").has(VmxFeature.VMCS_SHADOWING)).isTrue();
        assertThat(SKYLAKE.has(VmxFeature.MODE_BASED_EXECUTE)).isTrue();
        assertThat(SKYLAKE.hasMsr(0x492)).isFalse();
        assertThat(NEWEST.hasMsr(0x492)).isTrue();
        assertThat(NEWEST.has(VmxFeature.ENTRY_LOAD_CET)).isTrue();
        assertThat(capability("Skylake-Server-v4").has(VmxFeature.ENABLE_PML)).isTrue();
        assertThat(capability("Haswell-noTSX").has(VmxFeature.ENABLE_PML)).isFalse();
        assertThat(capability("unheard-of").has(VmxFeature.ENABLE_EPT)).isFalse();
    }

    @Test
    void neverReportsWhatIsNotImplemented() {
        for (String name : VmxModels.names()) {
            assertThat(capability(name).features()).as(name).allMatch(VmxFeature::implemented);
        }
        assertThat(VmxModels.listed("SapphireRapids")).contains(VmxFeature.IPI_VIRTUALIZATION);
    }

    @Test
    void switchesTakeTheirDependantsAlong() {
        VmxCapability noEpt = capability("Skylake-Server", "vmx-ept", false);
        assertThat(noEpt.has(VmxFeature.UNRESTRICTED_GUEST)).isFalse();
        assertThat(noEpt.has(VmxFeature.ENABLE_PML)).isFalse();
        assertThat(noEpt.has(VmxFeature.EPTP_SWITCHING)).isFalse();
        assertThat(noEpt.msr(0x48c)).isEqualTo(0xf01_0000_0000L);
        VmxCapability noSecondary = capability("Skylake-Server", "vmx-secondary-ctls", false);
        assertThat(noSecondary.mayBeOne(CapabilityWord.SECONDARY)).isZero();
        assertThat(noSecondary.hasMsr(0x48b)).isFalse();
        assertThat(capability("Penryn", "vmx-ept", true, "vmx-page-walk-4", true)
                        .has(VmxFeature.EPT_WALK_4))
                .isTrue();
        assertThat(capability("Skylake-Server", "vmx_mbec", false).has(VmxFeature.MODE_BASED_EXECUTE))
                .isFalse();
        assertThat(capability("Penryn", "vmx-rdrand-exit", true).has(VmxFeature.RDRAND_EXITING))
                .as("no RDRAND")
                .isFalse();
    }

    @Test
    void refusesWithAllReasons() {
        assertThatThrownBy(() -> capability("Haswell", "vmx-nonsense", true, "vmx-hlat", true))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("vmx-nonsense is unknown")
                .hasMessageContaining("vmx-hlat is not implemented");
    }
}
