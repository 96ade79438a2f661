package nestbox.x86.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Our models against what QEMU's models of the same name answer; see the resource files for how they were taken. */
class QemuCpuidTest {
    /** Features that QEMU 7.2's TCG masks or forces, whatever its model says. */
    private static final Set<Feature> TCG_DIFFERS = EnumSet.of(
            Feature.HYPERVISOR,
            Feature.VMX,
            Feature.X2APIC,
            Feature.TSC_DEADLINE,
            Feature.PCID,
            Feature.INVPCID,
            Feature.RDPID,
            Feature.XSAVEC,
            Feature.XSAVES,
            Feature.WBNOINVD,
            Feature.CLZERO,
            Feature.PREFETCHW,
            Feature.TOPOEXT,
            Feature.RDSEED,
            Feature.FSRM,
            Feature.VME,
            Feature.FXSR_OPT,
            Feature.MISALIGNSSE,
            Feature.XSAVEERPTR,
            Feature.SHA_NI,
            Feature.PERFCTR_CORE,
            Feature.NRIP_SAVE,
            Feature.GFNI,
            Feature.VPCLMULQDQ);

    static Stream<Arguments> dumps() {
        Stream<Arguments> both = Stream.of(
                        "qemu64", "kvm64", "Skylake-Server", "IvyBridge", "Opteron_G1", "EPYC", "EPYC-Milan")
                .flatMap(name -> Stream.of(Arguments.of(name, 1), Arguments.of(name, 4)));
        Stream<Arguments> one = Stream.of(
                        "core2duo",
                        "Conroe",
                        "Penryn",
                        "Nehalem",
                        "Westmere",
                        "SandyBridge",
                        "Haswell",
                        "Broadwell",
                        "Skylake-Client",
                        "Cascadelake-Server",
                        "Icelake-Server",
                        "Denverton",
                        "phenom",
                        "Opteron_G2",
                        "Opteron_G3",
                        "Opteron_G4",
                        "Opteron_G5",
                        "EPYC-Rome")
                .map(name -> Arguments.of(name, 1));
        return Stream.concat(both, one);
    }

    private static Map<Long, int[]> dump(String name, int processors) throws IOException {
        Map<Long, int[]> answers = new HashMap<>();
        try (InputStream in =
                QemuCpuidTest.class.getResourceAsStream("qemu-cpuid/" + name + "." + processors + ".txt")) {
            for (String line : new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
                if (!line.startsWith("#")) {
                    String[] words = line.split(" ");
                    int[] registers = new int[4];
                    for (int i = 0; i < 4; i++) {
                        registers[i] = Integer.parseUnsignedInt(words[i + 2], 16);
                    }
                    answers.put(
                            CpuidTable.key(Integer.parseUnsignedInt(words[0], 16), Integer.parseInt(words[1], 16)),
                            registers);
                }
            }
        }
        return answers;
    }

    private static CpuModel model(String name, int processors) {
        String specification = name.equals("qemu64") ? "qemu64,vendor=AuthenticAMD" : name;
        return CpuModel.parse(specification).toBuilder().processors(processors).build();
    }

    @ParameterizedTest
    @MethodSource("dumps")
    void identityCachesAndTopologyAreQemus(String name, int processors) throws IOException {
        CpuModel model = model(name, processors);
        Map<Long, int[]> expected = dump(name, processors);
        SoftAssertions all = new SoftAssertions();
        int[] leaves = {2, 4, 0xb, 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000006, 0x80000007};
        int last = expected.get(CpuidTable.key(0x80000000, 0))[0];
        for (int leaf : leaves) {
            for (int subleaf = 0; subleaf < 5; subleaf++) {
                int[] answer = expected.get(CpuidTable.key(leaf, subleaf));
                boolean exists = leaf < 0 || leaf <= expected.get(0L)[0];
                if (answer != null && exists && Integer.compareUnsigned(leaf, leaf < 0 ? last : leaf) <= 0) {
                    all.assertThat(model.cpuid(leaf, subleaf))
                            .as("leaf %x.%x", leaf, subleaf)
                            .isEqualTo(answer);
                }
            }
        }
        all.assertThat(model.cpuid(0, 0)).as("leaf 0").isEqualTo(expected.get(0L));
        int[] first = expected.get(CpuidTable.key(1, 0));
        all.assertThat(model.cpuid(1, 0)[0]).as("signature").isEqualTo(first[0]);
        all.assertThat(model.cpuid(1, 0)[1]).as("leaf 1 EBX").isEqualTo(first[1]);
        int widths = expected.get(CpuidTable.key(0x80000008, 0))[0];
        // QEMU gives every model 40 physical bits; here those of real processors have their own.
        all.assertThat(model.cpuid(0x80000008, 0)[0])
                .as("widths")
                .isEqualTo(name.endsWith("64") ? widths : widths & ~0xff | model.physicalBits());
        all.assertThat(model.cpuid(0x80000008, 0)[2])
                .as("cores")
                .isEqualTo(expected.get(CpuidTable.key(0x80000008, 0))[2]);
        all.assertAll();
    }

    @ParameterizedTest
    @MethodSource("dumps")
    void featuresThatBothDoAreThoseOfQemusModel(String name, int processors) throws IOException {
        CpuModel model = model(name, processors);
        Map<Long, int[]> expected = dump(name, processors);
        SoftAssertions all = new SoftAssertions();
        int level = expected.get(0L)[0];
        int extendedLevel = expected.get(CpuidTable.key(0x80000000, 0))[0];
        for (Feature feature : Implemented.features()) {
            boolean exists = feature.leaf() >= 0 ? feature.leaf() <= level : feature.leaf() <= extendedLevel;
            int[] registers = expected.getOrDefault(CpuidTable.key(feature.leaf(), feature.subleaf()), new int[4]);
            boolean qemu = exists && (registers[feature.register().ordinal()] >>> feature.bit() & 1) != 0;
            if (feature.leaf() == 0x8000000a) {
                // The SVM leaf is the real processor's, which has at least what QEMU shows.
                all.assertThat(model.has(feature) || !qemu)
                        .as(feature.qemuName())
                        .isTrue();
            } else if (!TCG_DIFFERS.contains(feature)) {
                all.assertThat(model.has(feature)).as(feature.qemuName()).isEqualTo(qemu);
            }
            boolean shown = (model.cpuid(feature.leaf(), feature.subleaf())[
                                            feature.register().ordinal()]
                                    >>> feature.bit()
                            & 1)
                    != 0;
            if (feature.leaf() != 0x80000001 && exists) {
                all.assertThat(shown).as("CPUID bit of " + feature.qemuName()).isEqualTo(model.has(feature));
            }
        }
        all.assertAll();
        assertThat(model.cpuid(1, 0)[3] & 0x0183f3ff)
                .isEqualTo(
                        model.vendor() == Vendor.AMD
                                ? model.cpuid(0x80000001, 0)[3] & 0x0183f3ff
                                : model.cpuid(1, 0)[3] & 0x0183f3ff);
    }
}
