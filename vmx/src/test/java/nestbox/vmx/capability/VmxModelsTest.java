package nestbox.vmx.capability;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import nestbox.vmx.VmxModel;
import nestbox.vmx.silicon.Hidden;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class VmxModelsTest {
    /** Capability registers read from real processors, as the authors of Bochs' CPU database wrote them down. */
    private static final Map<Integer, Long> CORE2_T9600 = Map.ofEntries(
            Map.entry(0x480, 0x005a0800_0000000dL),
            Map.entry(0x481, 0x0000003f_00000016L),
            Map.entry(0x482, 0xf7f9fffe_0401e172L),
            Map.entry(0x483, 0x0003ffff_00036dffL),
            Map.entry(0x484, 0x00003fff_000011ffL),
            Map.entry(0x485, 0x000403c0L),
            Map.entry(0x48b, 0x00000041_00000000L));

    private static final Map<Integer, Long> CORE_M520 = Map.ofEntries(
            Map.entry(0x480, 0x00da0400_0000000fL),
            Map.entry(0x481, 0x0000007f_00000016L),
            Map.entry(0x482, 0xfff9fffe_04006172L),
            Map.entry(0x483, 0x007fffff_00036dfbL),
            Map.entry(0x484, 0x0000ffff_000011ffL),
            Map.entry(0x485, 0x000401e5L),
            Map.entry(0x48b, 0x000000ff_00000000L),
            Map.entry(0x48c, 0x00000f01_06114141L),
            Map.entry(0x48d, 0x0000007f_00000016L),
            Map.entry(0x48e, 0xfff9fffe_04006172L),
            Map.entry(0x48f, 0x007fffff_00036dfbL),
            Map.entry(0x490, 0x0000ffff_000011fbL));

    /** The registers of a Core i7 2600K are those of the M520 but for the legacy controls and a bit of IA32_VMX_MISC. */
    static Stream<Arguments> registers() {
        return Stream.of(
                Arguments.of("Penryn", CORE2_T9600, Set.of()),
                Arguments.of("Westmere", CORE_M520, Set.of(VmxFeature.EPT_1GB, VmxFeature.PAUSE_LOOP_EXITING)),
                Arguments.of("SandyBridge", CORE_M520, Set.of()));
    }

    @ParameterizedTest
    @MethodSource("registers")
    void modelsHaveWhatRealProcessorsReport(String name, Map<Integer, Long> msrs, Set<VmxFeature> beyond) {
        Set<VmxFeature> real = EnumSet.copyOf(CapabilityMsrs.features(msrs));
        real.addAll(beyond);
        real.removeIf(feature -> !feature.implemented());
        assertThat(VmxModels.listed(name)).containsExactlyInAnyOrderElementsOf(real);
    }

    @Test
    void everyIntelModelWithVmxSaysWhatItHas() {
        for (String name : CpuModels.names()) {
            Stream.concat(Stream.of(name), CpuModels.versions(name).stream()).forEach(version -> {
                CpuModel model = CpuModel.parse(version);
                if (model.has(Feature.VMX) && !name.equals("qemu64")) {
                    assertThat(model.vmxCapabilities()).as(version).isNotEmpty();
                    assertThat(VmxModels.listed(model)).as(version).hasSameSizeAs(model.vmxCapabilities());
                    assertThat(VmxModels.features(model)).as(version).isNotEmpty();
                }
            });
        }
    }

    /** What a model lacks or the silicon hides: no register reports it, and VM entry refuses a control that uses it. */
    @Test
    void whatAModelLacksIsReallyMissing() {
        for (String name : VmxModels.names()) {
            CpuModel cpu = CpuModel.parse(name + (CpuModels.choosesVendor(name) ? ",+vmx" : ""));
            VmxCapability capability =
                    VmxModel.of(cpu, VmxModels.features(cpu, Hidden.features())).capability();
            for (VmxFeature feature : VmxFeature.values()) {
                CapabilityWord word = feature.word();
                if (capability.has(feature)) {
                    continue;
                }
                String row = name + " " + feature.qemuName();
                if (feature.default1()) {
                    assertThat(capability.allows(word, capability.mustBeOne(word) & ~feature.mask()))
                            .as(row)
                            .isFalse();
                } else {
                    assertThat(capability.mayBeOne(word) & feature.mask())
                            .as(row)
                            .isZero();
                    assertThat(capability.allows(word, capability.mustBeOne(word) | feature.mask()))
                            .as(row)
                            .isFalse();
                    if (capability.hasMsr(word.msr())) {
                        boolean upper = word.trueMsr() >= 0 || word == CapabilityWord.SECONDARY;
                        long msr = capability.msr(word.msr());
                        assertThat((upper ? msr >>> 32 : msr) & feature.mask())
                                .as(row)
                                .isZero();
                    }
                }
            }
        }
    }

    /** Models without VMX have none of it, even with the VMX room plugged in. */
    @Test
    void modelsWithoutVmxGetNoExtension() {
        for (String name : List.of("KnightsMill", "EPYC", "Opteron_G3", "qemu64,vendor=AuthenticAMD", "Haswell,-vmx")) {
            CpuModel model = CpuModel.parse(name);
            assertThat(model.has(Feature.VMX)).as(name).isFalse();
            assertThat(model.cpuid(1, 0)[2] >>> 5 & 1).as(name).isZero();
        }
    }

    @Test
    void registersOfAUserCountInsteadOfTheModelsNames() {
        CpuModel.Builder builder = CpuModel.parse("SapphireRapids").toBuilder();
        CORE2_T9600.forEach(builder::vmxMsr);
        CpuModel model = builder.build();
        assertThat(VmxModels.features(model)).doesNotContain(VmxFeature.ENABLE_EPT, VmxFeature.TRUE_CONTROLS);
        assertThat(VmxModels.listed(model)).isEqualTo(CapabilityMsrs.features(CORE2_T9600));
    }
}
