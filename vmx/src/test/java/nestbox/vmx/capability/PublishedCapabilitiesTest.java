package nestbox.vmx.capability;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import nestbox.vmx.VmxModel;
import nestbox.vmx.silicon.Hidden;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our models' VMX against the capability registers of the real processors. */
class PublishedCapabilitiesTest {
    /** MSRs 491h and 492h, which the dumps leave out, say these. */
    private static final Set<VmxFeature> NOT_DUMPED = EnumSet.of(
            VmxFeature.byName("vmx-eptp-switching"),
            VmxFeature.byName("vmx-ipi-virt"),
            VmxFeature.byName("vmx-spec-ctrl"));

    /** What workstations lack for want of SGX, and the w7-2475X alone: see the model's file. */
    private static final Set<VmxFeature> SERVERS_ALONE = EnumSet.of(
            VmxFeature.byName("vmx-encls-exit"),
            VmxFeature.byName("vmx-enclv-exit"),
            VmxFeature.byName("vmx-shadow-vmcs"));

    private static Map<String, Map<Integer, Long>> published() throws IOException {
        Map<String, Map<Integer, Long>> models = new TreeMap<>();
        Map<Integer, Long> current = null;
        try (InputStream in = PublishedCapabilitiesTest.class.getResourceAsStream("published.txt")) {
            for (String word : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replaceAll("(?m)^#.*", "")
                    .trim()
                    .split("\\s+")) {
                if (word.endsWith(":")) {
                    current = new TreeMap<>();
                    models.put(word.substring(0, word.length() - 1), current);
                } else {
                    String[] pair = word.split("=");
                    current.put(Integer.parseInt(pair[0], 16), Long.parseUnsignedLong(pair[1], 16));
                }
            }
        }
        return models;
    }

    private static VmxCapability capability(String name) {
        CpuModel model = CpuModel.parse(name + ",+vmx");
        return VmxModel.of(model, VmxModels.features(model, Hidden.features())).capability();
    }

    @Test
    void thereAreTen() throws IOException {
        assertThat(published()).hasSize(10);
    }

    /** The facts of a model's file are those of the processor. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "IvyBridge",
                "Haswell",
                "Broadwell",
                "Skylake-Client",
                "Skylake-Server",
                "Cascadelake-Server",
                "SapphireRapids",
                "GraniteRapids",
                "Denverton"
            })
    void theFileListsWhatTheProcessorHas(String name) throws IOException {
        Set<VmxFeature> listed = EnumSet.copyOf(VmxModels.listed(name));
        Set<VmxFeature> real =
                EnumSet.copyOf(CapabilityMsrs.features(published().get(name)));
        real.removeIf(feature -> !feature.implemented());
        listed.removeIf(feature -> !feature.implemented());
        listed.removeAll(NOT_DUMPED);
        real.removeAll(NOT_DUMPED);
        if (name.endsWith("Rapids")) {
            listed.removeAll(SERVERS_ALONE);
            real.removeAll(SERVERS_ALONE);
        }
        assertThat(listed).isEqualTo(real);
    }

    /** Our registers permit nothing that the processor's refuse, and demand what they demand. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "Penryn",
                "IvyBridge",
                "Haswell",
                "Broadwell",
                "Skylake-Client",
                "Skylake-Server",
                "Cascadelake-Server",
                "GraniteRapids",
                "Denverton"
            })
    void noModelPermitsMoreThanTheProcessor(String name) throws IOException {
        VmxCapability ours = capability(name);
        Map<Integer, Long> real = published().get(name);
        for (int msr : new int[] {0x481, 0x482, 0x483, 0x484, 0x48b, 0x48d, 0x48e, 0x48f, 0x490}) {
            Long value = real.get(msr);
            if (value == null) {
                assertThat(ours.hasMsr(msr)).as("MSR %x", msr).isFalse();
                continue;
            }
            assertThat(ours.msr(msr) & 0xffffffffL)
                    .as("demanded by MSR %x", msr)
                    .isEqualTo(value & 0xffffffffL);
            long more = ours.msr(msr) >>> 32 & ~(value >>> 32);
            assertThat(more & ~(name.equals("GraniteRapids") && msr == 0x48b ? 1L << 15 | 1L << 28 : 0))
                    .as("permitted by MSR %x", msr)
                    .isZero();
        }
        for (int msr = 0x486; msr <= 0x488; msr++) {
            assertThat(ours.msr(msr)).as("MSR %x", msr).isEqualTo(real.get(msr));
        }
        assertThat(ours.msr(0x489) & ~real.get(0x489)).as("CR4").isZero();
        if (real.containsKey(0x48c)) {
            assertThat(ours.msr(0x48c) & ~real.get(0x48c)).as("EPT and VPID").isZero();
        }
    }
}
