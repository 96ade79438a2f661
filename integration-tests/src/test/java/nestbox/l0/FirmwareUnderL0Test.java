package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SeaBIOS as L1: real mode, SMM with RSM (on AMD), and devices, under L0. */
class FirmwareUnderL0Test {
    private static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");
    private static final long STEP = 500_000;
    private static final int STEPS = 40;

    @ParameterizedTest
    @CsvSource({"EPYC, TDP", "EPYC, SHADOW", "'max,+vmx', TDP"})
    void seaBiosFindsNothingToBoot(String cpu, L0Mode l0) {
        if (!Boolean.getBoolean("nestbox.required")) {
            assumeThat(Files.isReadable(SEABIOS))
                    .as("package seabios is installed")
                    .isTrue();
        }
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .l0(l0)
                .memoryBytes(64 << 20)
                .build();
        Nestbox lab = Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                serial(serial);
            }
        });
        lab.load(SEABIOS, "");
        for (int i = 0; i < STEPS && !text(serial).contains("No bootable device."); i++) {
            assertThat(lab.run(STEP).kind()).as(text(serial)).isEqualTo(Outcome.Kind.LIMIT);
        }
        assertThat(text(serial)).contains("No bootable device.");
    }

    private static String text(ByteArrayOutputStream stream) {
        return stream.toString(StandardCharsets.ISO_8859_1);
    }
}
