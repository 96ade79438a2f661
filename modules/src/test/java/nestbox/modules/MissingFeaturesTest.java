package nestbox.modules;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A guest's CPU model that asks for more than there is: QEMU 7.2 warns of each feature by leaf, register, name and bit. */
class MissingFeaturesTest {
    private static NestboxConfiguration configuration(String cpu, String guestCpu, L0Mode l0) {
        return NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .guestCpu(guestCpu)
                .l0(l0)
                .build();
    }

    @Test
    void eachFeatureThatIsNotShownIsNamed() {
        assertThat(MissingFeatures.of(configuration("Haswell,+vmx", "Haswell,+clflushopt,+rdseed,+xsavec", L0Mode.TDP)))
                .containsExactlyInAnyOrder(
                        "host doesn't support requested feature: CPUID.07H:EBX.clflushopt [bit 23]",
                        "host doesn't support requested feature: CPUID.07H:EBX.rdseed [bit 18]",
                        "host doesn't support requested feature: CPUID.0DH:EAX.xsavec [bit 1]");
    }

    /** By shadow paging L0 cannot give protection keys. */
    @Test
    void whatL0CannotGiveIsNamed() {
        NestboxConfiguration.Builder skylake =
                configuration("Skylake-Server,+vmx", "Skylake-Server", L0Mode.TDP).toBuilder();
        assertThat(MissingFeatures.of(skylake.build())).isEmpty();
        assertThat(MissingFeatures.of(skylake.l0(L0Mode.SHADOW).build()))
                .containsExactly("host doesn't support requested feature: CPUID.07H:ECX.pku [bit 3]");
    }

    @Test
    void nobodyIsWarnedOfWhatNobodyAskedFor() {
        assertThat(MissingFeatures.of(NestboxConfiguration.bareSilicon())).isEmpty();
        assertThat(MissingFeatures.of(NestboxConfiguration.nested())).isEmpty();
        assertThat(MissingFeatures.of(NestboxConfiguration.nestedOnShadow())).isEmpty();
        assertThat(MissingFeatures.of(configuration("Haswell,+vmx", "max,+pks", L0Mode.TDP)))
                .containsExactly("host doesn't support requested feature: CPUID.07H:ECX.pks [bit 31]");
    }
}
