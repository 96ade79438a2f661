package nestbox.machine.apic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The modes of the local APIC on every model (SDM Vol. 3, "Extended XAPIC (x2APIC)", "x2APIC State Transitions"). */
class ApicModeTest {
    private static final long ENABLED = 0xfee00000L | 1 << 11;
    private static final long EXTENDED = ENABLED | 1 << 10;

    static Stream<String> models() {
        return Stream.concat(CpuModels.names().stream(), Stream.of("max,-x2apic", "EPYC,+x2apic"));
    }

    @ParameterizedTest
    @MethodSource("models")
    void x2apicIsThereIfTheModelHasIt(String name) {
        CpuModel model = CpuModel.parse(name);
        assertThat(model.has(Feature.APIC)).isTrue();
        X2Apic apic = new X2Apic(new ApicRig(1).apics[0], model);
        assertThat(apic.readable(X2Apic.FIRST + 2)).as("before the mode").isFalse();
        assertThat(apic.write(X2Apic.FIRST + 0x83f, 0)).isFalse();
        assertThat(apic.write(X2Apic.APIC_BASE, EXTENDED)).isEqualTo(model.has(Feature.X2APIC));
        assertThat(apic.readable(X2Apic.FIRST + 2)).isEqualTo(model.has(Feature.X2APIC));
        assertThat(apic.write(X2Apic.FIRST + 8, 0x20)).isEqualTo(model.has(Feature.X2APIC));
    }

    @ParameterizedTest
    @MethodSource("models")
    void theBaseHasTheModelsWidth(String name) {
        CpuModel model = CpuModel.parse(name);
        for (int bit = 32; bit < 64; bit++) {
            X2Apic apic = new X2Apic(new ApicRig(1).apics[0], model);
            assertThat(apic.write(X2Apic.APIC_BASE, ENABLED | 1L << bit))
                    .as("%s: bit %d", name, bit)
                    .isEqualTo(bit < model.physicalBits());
        }
    }

    /** AMD's extended registers (APM Vol. 2, "Extended APIC Control Register") are hidden: bit 31 of the version is 0. */
    @ParameterizedTest
    @MethodSource("models")
    void extendedRegistersAreAbsent(String name) {
        assertThat(CpuModel.parse(name).has(Feature.EXTAPIC)).isFalse();
        LocalApic apic = new ApicRig(1).apics[0];
        assertThat(apic.readRegister(ApicReg.VERSION) >>> 31).isZero();
    }
}
