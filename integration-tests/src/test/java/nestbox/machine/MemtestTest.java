package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import nestbox.machine.load.ImageFile;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Memtest86+ through one pass of a small memory: four fifths of it in about 7,000 million instructions, then a wait for bits to fade
 * that polls the time-stamp counter. So it runs on demand alone: {@code -Dnestbox.memtest=true}.
 */
class MemtestTest {
    /** Neither the pause for a keyboard nor the benchmark tests anything. */
    private static final String OPTIONS = "nopause nobench nosm nosmp keyboard=legacy";

    private static final long STEP = 50_000_000;
    private static final int STEPS = 600;

    @Test
    @EnabledIfSystemProperty(named = "nestbox.memtest", matches = "true")
    void onePassWithoutErrors(TestReporter report) {
        Path image = DebianPackages.find("memtest86+", "boot", "memtest86+x64.bin");
        Machine machine = new Machine(MachineConfig.builder(CpuModel.parse("qemu64"))
                .memoryBytes(8 << 20)
                .screen(true)
                .build());
        machine.load(ImageFile.open(image), OPTIONS, List.of());
        long start = System.nanoTime();
        String screen = "";
        for (int i = 0; i < STEPS && !screen.matches("(?s).*Pass: +1.*"); i++) {
            assertThat(machine.run(STEP).kind()).as(screen).isEqualTo(Outcome.Kind.LIMIT);
            screen = String.join("\n", machine.screen());
            assertThat(screen).doesNotContain("FAIL");
        }
        report.publishEntry("instructions", Long.toString(machine.retired()));
        report.publishEntry("seconds", Long.toString((System.nanoTime() - start) / 1_000_000_000L));
        assertThat(screen).containsPattern("Pass: +1").containsPattern("Errors: +0");
    }
}
