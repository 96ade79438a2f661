package nestbox.x86.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import nestbox.core.NestboxException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CpuModelTest {
    private static CpuModelException refusal(String specification) {
        return catchThrowableOfType(CpuModelException.class, () -> CpuModel.parse(specification));
    }

    static Stream<String> everyName() {
        Stream<String> versions = CpuModels.names().stream().flatMap(name -> CpuModels.versions(name).stream());
        Stream<String> others = Stream.of("max,vendor=AuthenticAMD", "kvm64,+svm", "qemu64,+svm", "host");
        return Stream.concat(CpuModels.names().stream(), Stream.concat(versions, others));
    }

    @ParameterizedTest
    @MethodSource("everyName")
    void everyModelIsPossibleAndShowsOnlyWhatIsDone(String specification) {
        CpuModel model = CpuModel.parse(specification);
        assertThat(Implemented.features()).containsAll(model.features());
        assertThat(model.hiddenFeatures()).doesNotContainAnyElementsOf(Implemented.features());
        assertThat(model.features()).contains(Feature.LM, Feature.SSE2, Feature.APIC);
    }

    @Test
    void aCatalogueNameIsTheNameInTheFile() {
        for (String name : CpuModels.names()) {
            assertThat(CpuModel.parse(name).name()).isEqualTo(name);
            assertThat(CpuModels.description(name)).isNotBlank();
        }
        assertThat(CpuModels.names()).hasSizeGreaterThanOrEqualTo(30).doesNotHaveDuplicates();
    }

    @Test
    void everyDataFileIsInTheIndex() throws Exception {
        Path folder = Path.of(CpuModels.class
                        .getResource("/nestbox/x86/cpu/index.txt")
                        .toURI())
                .getParent();
        List<String> indexed = Files.readAllLines(folder.resolve("index.txt")).stream()
                .filter(line -> !line.startsWith("#"))
                .flatMap(line -> Arrays.stream(line.split(" ")).skip(1))
                .toList();
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(Path::getFileName).map(Path::toString).filter(name -> name.endsWith(".cpu")))
                    .containsExactlyInAnyOrderElementsOf(
                            indexed.stream().map(name -> name + ".cpu").toList());
        }
    }

    /** QEMU, "CPU model versions": the plain name is version 1 on the machine pc; a version has what came before it. */
    @Test
    void versionsAreQemus() {
        assertThat(CpuModel.parse("Haswell").features())
                .isEqualTo(CpuModel.parse("Haswell-v1").features())
                .contains(Feature.BMI1);
        assertThat(CpuModel.parse("Haswell-v2").hiddenFeatures()).doesNotContain(Feature.HLE, Feature.RTM);
        assertThat(CpuModel.parse("Haswell-v3").hiddenFeatures()).contains(Feature.HLE, Feature.RTM, Feature.SPEC_CTRL);
        CpuModel noTsx = CpuModel.parse("Haswell-noTSX-IBRS");
        assertThat(noTsx.name()).isEqualTo("Haswell-v4");
        assertThat(noTsx.brand()).isEqualTo("Intel Core Processor (Haswell, no TSX, IBRS)");
        assertThat(noTsx.hiddenFeatures()).contains(Feature.SPEC_CTRL).doesNotContain(Feature.RTM);
        assertThat(CpuModel.parse("Icelake-Server-v4").model()).isEqualTo(106);
        assertThat(CpuModel.parse("EPYC-Rome-v4").has(Feature.XSAVES)).isFalse();
        assertThat(CpuModels.versions("Skylake-Server")).hasSize(5).startsWith("Skylake-Server-v1");
        assertThat(CpuModels.family("Skylake-Server-noTSX-IBRS")).isEqualTo("Skylake-Server");
        assertThat(CpuModels.versions("max")).isEmpty();
    }

    /** QEMU 10.1 and 11: a version with the caches of the part and leaf 1Fh, one with CET, one with ITS_NO. */
    @ParameterizedTest
    @CsvSource({
        "SapphireRapids, 3, 2c0003f, ffff, 400000000000e16b",
        "GraniteRapids, 2, 2c0003f, 47fff, 400000000100e16b",
        "SierraForest, 2, 1c0003f, 23fff, 400000000d00e06b"
    })
    void laterVersionsBringCachesThenCetThenItsNo(
            String name, int last, String firstWays, String thirdSets, String capabilities) {
        CpuModel old = CpuModel.parse(name + "-v" + last);
        assertThat(old.cpuid(0x1f, 0)).containsOnly(0);
        CpuModel caches = CpuModel.parse(name + "-v" + (last + 1)).toBuilder()
                .processors(4)
                .build();
        assertThat(caches.cpuid(4, 0)[1]).isEqualTo(Integer.parseInt(firstWays, 16));
        assertThat(caches.cpuid(4, 3)[2]).isEqualTo(Integer.parseInt(thirdSets, 16));
        assertThat(caches.cpuid(0x1f, 1)).containsExactly(2, 4, 0x201, 0).isEqualTo(caches.cpuid(0xb, 1));
        assertThat(caches.cpuid(0x1f, 2)).containsExactly(0, 0, 2, 0);
        assertThat(caches.has(Feature.SHSTK)).isFalse();
        CpuModel cet = CpuModel.parse(name + "-v" + (last + 2));
        assertThat(cet.features()).contains(Feature.SHSTK, Feature.IBT);
        CpuModel newest = CpuModel.parse(name + "-v" + (last + 3));
        assertThat(newest.features()).isEqualTo(cet.features());
        assertThat(newest.msrs()).containsEntry(0x10a, Long.parseUnsignedLong(capabilities, 16));
        assertThat(refusal(name + "-v" + (last + 4))).hasMessageContaining("unknown CPU model");
    }

    /** The caches of EPYC-Turin are those of an EPYC 9005 (0B00F21) in InstLatX64's dumps. */
    @Test
    void turinsCachesAreTheProcessors() {
        CpuModel turin = CpuModel.parse("EPYC-Turin");
        assertThat(turin.cpuid(0x8000001d, 0)).containsExactly(0x121, 0x2c0003f, 0x3f, 0);
        assertThat(turin.cpuid(0x8000001d, 2)).containsExactly(0x143, 0x3c0003f, 0x3ff, 2);
        assertThat(turin.cpuid(0x8000001d, 3)).containsExactly(0x163, 0x3c0003f, 0x7fff, 1);
        assertThat(turin.cpuid(0x80000006, 0)[2]).isEqualTo(0x4008140);
    }

    @Test
    void unknownVersionsAndBadLinesAreTypedErrors() {
        assertThat(refusal("Haswell-v5")).hasMessageContaining("unknown CPU model");
        assertThat(refusal("Haswell-noTSX-Acme")).hasMessageContaining("unknown CPU model");
        for (String line : List.of(
                "features",
                "features: nosuch",
                "family: x",
                "cpuid 1: 0 0 0 0",
                "cpuid 1 0: 0 0 0",
                "version: 3",
                "vmx: ept",
                "msr: 1",
                "msr 0x100000000: 1",
                "vendor: Acme",
                "color: red",
                "without: nosuch")) {
            assertThatThrownBy(() -> new CpuModelFile("f.cpu", List.of("# x", line)).builder(1, null))
                    .as(line)
                    .isInstanceOf(NestboxException.class)
                    .hasMessageStartingWith("f.cpu: line 2: ");
        }
    }

    @Test
    void theSvmLeafNumbersTheAsids() {
        assertThat(CpuModel.parse("Opteron_G3").cpuid(0x8000000a, 0)).containsExactly(1, 64, 0, 7);
        assertThat(CpuModel.parse("EPYC").cpuid(0x8000000a, 0)[1]).isEqualTo(0x8000);
        assertThat(CpuModel.parse("EPYC,-svm").cpuid(0x8000000a, 0)).containsOnly(0);
    }

    @ParameterizedTest
    @CsvSource({
        "max, INTEL",
        "'max,vendor=AuthenticAMD', AMD",
        "'max,vendor=GenuineIntel', INTEL",
        "qemu64, INTEL",
        "kvm64, INTEL",
        "'max,+vmx,unchecked', INTEL",
        "'max,+svm,unchecked', AMD",
        "'qemu64,+svm,unchecked', AMD",
        "'kvm64,svm=on,unchecked', AMD",
        "'max,-svm', INTEL",
        "Opteron_G1, AMD",
        "'Skylake-Server,vendor=AuthenticAMD', AMD",
        "'Opteron_G1,vendor=AuthenticAMD', AMD"
    })
    void vendorIsNamedOrImplied(String specification, Vendor vendor) {
        assertThat(CpuModel.parse(specification).vendor()).isEqualTo(vendor);
    }

    @Test
    void namesAreCaseBlindAndUnderscoreIsMinus() {
        assertThat(CpuModel.parse("opteron-g1").name()).isEqualTo("Opteron_G1");
        assertThat(CpuModel.parse("qemu64,+tsc_deadline,lahf_lm=off").features())
                .contains(Feature.TSC_DEADLINE)
                .doesNotContain(Feature.LAHF_LM);
        assertThat(CpuModel.parse("qemu64,xd=off").has(Feature.NX)).isFalse();
    }

    @Test
    void plusAndMinusChangeWhatIsShown() {
        assertThat(CpuModel.parse("qemu64").has(Feature.PCID)).isFalse();
        CpuModel model = CpuModel.parse("qemu64,+pcid,+invpcid,-pge");
        assertThat(model.has(Feature.PCID)).isTrue();
        assertThat(model.has(Feature.PGE)).isFalse();
        assertThat(model.cpuid(1, 0)[2] >>> 17 & 1).isEqualTo(1);
        assertThat(model.cpuid(1, 0)[3] >>> 13 & 1).isZero();
        assertThat(model.cpuid(7, 0)[1] >>> 10 & 1).isEqualTo(1);
    }

    @Test
    void invpcidWithoutPcidIsPermitted() {
        CpuModel model = CpuModel.parse("qemu64,-pcid,+invpcid");
        assertThat(model.has(Feature.INVPCID)).isTrue();
        assertThat(model.has(Feature.PCID)).isFalse();
    }

    @Test
    void whatIsTurnedOffTakesItsDependentsAlong() {
        CpuModel model = CpuModel.parse("max,-xsave,-rdtscp,-invpcid");
        assertThat(model.features())
                .doesNotContain(Feature.XSAVE, Feature.XSAVEOPT, Feature.XSAVEC, Feature.XSAVES, Feature.XGETBV1);
        assertThat(model.hiddenFeatures()).doesNotContain(Feature.AVX, Feature.AVX512F);
        assertThat(model.cpuid(0xd, 0)).containsOnly(0);
    }

    @Test
    void allReasonsAreGivenAtOnce() {
        CpuModelException refusal = refusal("qemu64,-lm,+la57,+pdpe1gb,+x2apic,-apic,phys-bits=60,+nonsense");
        assertThat(refusal.reasons()).hasSize(5);
        assertThat(refusal.reasons())
                .anySatisfy(reason -> assertThat(reason).startsWith("la57 needs lm (SDM Vol. 3, "));
        assertThat(refusal.reasons()).anySatisfy(reason -> assertThat(reason).startsWith("pdpe1gb needs lm"));
        assertThat(refusal.reasons()).anySatisfy(reason -> assertThat(reason).startsWith("x2apic needs apic"));
        assertThat(refusal.reasons()).anySatisfy(reason -> assertThat(reason).startsWith("phys-bits=60"));
        assertThat(refusal.reasons()).anySatisfy(reason -> assertThat(reason).contains("nonsense"));
    }

    @Test
    void uncheckedOverridesContradictionsButShowsNothingThatIsNotDone() {
        CpuModel model = CpuModel.parse("qemu64,-lm,+la57,+avx512f,unchecked");
        assertThat(model.has(Feature.LA57)).isTrue();
        assertThat(model.has(Feature.LM)).isFalse();
        assertThat(model.has(Feature.AVX512F)).isFalse();
        assertThat(model.hiddenFeatures()).contains(Feature.AVX512F);
    }

    @Test
    void aRequestForWhatIsNotDoneIsRefusedByName() {
        assertThat(refusal("max,+avx512f,+mpx").reasons())
                .containsExactlyInAnyOrder("avx512f is not implemented", "mpx is not implemented");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nosuch",
                "",
                "max,",
                "max,+",
                "max,vendor=Acme",
                "max,phys-bits=x",
                "max,pcid=perhaps",
                "max,hv_passthrough"
            })
    void badSpecificationsAreTypedErrors(String specification) {
        assertThatThrownBy(() -> CpuModel.parse(specification)).isInstanceOf(CpuModelException.class);
    }

    @Test
    void widths() {
        assertThat(CpuModel.parse("IvyBridge,phys-bits=36,host-phys-bits=off").physicalBits())
                .isEqualTo(36);
        assertThat(CpuModel.parse("IvyBridge").linearBits()).isEqualTo(48);
        CpuModel max = CpuModel.parse("max,host-phys-bits,migratable=no");
        assertThat(max.linearBits()).isEqualTo(57);
        assertThat(max.cpuid(0x80000008, 0)[0]).isEqualTo(max.physicalBits() | 57 << 8);
        assertThat(CpuModel.parse("max,-la57").linearBits()).isEqualTo(48);
    }

    @Test
    void leavesBeyondTheHighestFollowTheVendor() {
        CpuModel intel = CpuModel.parse("Skylake-Server");
        assertThat(intel.cpuid(0x40000000, 0)).isEqualTo(intel.cpuid(0xd, 0));
        assertThat(intel.cpuid(0x80000009, 1)).isEqualTo(intel.cpuid(0xd, 1));
        assertThat(CpuModel.parse("EPYC").cpuid(0x40000000, 0)).containsOnly(0);
    }

    @Test
    void levelsCoverTheFeaturesUnlessFixed() {
        assertThat(CpuModel.parse("Opteron_G1").cpuid(0, 0)[0]).isEqualTo(5);
        assertThat(CpuModel.parse("Opteron_G1,+smep").cpuid(0, 0)[0]).isEqualTo(7);
        assertThat(CpuModel.parse("Opteron_G1,+smep,level=4").cpuid(0, 0)[0]).isEqualTo(4);
    }

    @Test
    void builderCopiesAndLeavesTheOriginalAlone() {
        CpuModel base = CpuModel.parse("EPYC");
        CpuModel changed = base.toBuilder()
                .feature(Feature.SMAP, false)
                .stepping(3)
                .msr(0x123, 7)
                .processors(2)
                .build();
        assertThat(base.has(Feature.SMAP)).isTrue();
        assertThat(changed.has(Feature.SMAP)).isFalse();
        assertThat(changed.msr(0x123, 1)).isEqualTo(7);
        assertThat(base.msr(0x123, 1)).isEqualTo(1);
        assertThat(base.has(Feature.HT)).isFalse();
        assertThat(changed.has(Feature.HT)).isTrue();
        assertThatThrownBy(() -> base.toBuilder()
                        .feature(Feature.APIC, false)
                        .feature(Feature.X2APIC, true)
                        .build())
                .isInstanceOf(CpuModelException.class);
    }

    @Test
    void rulesHaveNoDuplicatesNoCyclesAndTheImplementedFeaturesObeyThem() {
        Set<String> pairs = new HashSet<>();
        for (FeatureRule rule : FeatureRule.all()) {
            assertThat(pairs.add(rule.feature() + ">" + rule.needs()))
                    .as(rule.reason())
                    .isTrue();
            assertThat(pairs).doesNotContain(rule.needs() + ">" + rule.feature());
            if (Implemented.has(rule.feature())) {
                assertThat(Implemented.has(rule.needs())).as(rule.reason()).isTrue();
            }
        }
    }

    @Test
    void featureBitsAndNamesAreUnique() {
        Set<String> places = new HashSet<>();
        for (Feature feature : Feature.values()) {
            String place = feature.leaf() + "." + feature.subleaf() + "." + feature.register() + "." + feature.bit();
            assertThat(places.add(place)).as(feature.qemuName()).isTrue();
            assertThat(Feature.byName(feature.qemuName())).isEqualTo(feature);
        }
    }

    @Test
    void xsaveSizesFollowTheStateComponents() {
        CpuModel max = CpuModel.parse("max");
        assertThat(max.cpuid(0xd, 0)).containsExactly(0x207, 576, 0xa88, 0);
        assertThat(max.cpuid(0xd, 9)).containsExactly(8, 0xa80, 0, 0);
        assertThat(XsaveComponent.compactedSize(0x203)).isEqualTo(576 + 8);
        assertThat(XsaveComponent.standardSize(3)).isEqualTo(576);
    }

    @Test
    void theFeaturesInterfaceCanBeMocked() {
        CpuFeatures features = mock(CpuFeatures.class);
        when(features.has(Feature.XSAVE)).thenReturn(true);
        when(features.has(Feature.FPU)).thenReturn(true);
        assertThat(XsaveComponent.supported(features)).isEqualTo(1);
    }
}
