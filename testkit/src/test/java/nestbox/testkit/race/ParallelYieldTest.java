package nestbox.testkit.race;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two processors that work at the same time read what they read on bare silicon, whoever runs in the middle of L0's work. */
class ParallelYieldTest {
    private static final int GUESTS = 6;
    private static final int STEPS = 400;
    private static final String MODEL = "max,-vmx,-svm";

    private record Seen(String outcome, List<Long> log, long yields) {}

    private static NestboxConfiguration.Builder bare() {
        return NestboxConfiguration.bareSilicon().toBuilder().cpu(MODEL).cpus(2).memoryBytes(16 << 20);
    }

    private static Seen run(ImageFile image, NestboxConfiguration configuration) {
        Nestbox lab = Nestbox.create(configuration);
        lab.load(image, "");
        Outcome outcome = lab.run(5_000_000);
        List<Long> log = new ArrayList<>();
        for (long at = ParallelGuest.LOG; at < ParallelGuest.LOG + 2 * ParallelGuest.LOG_SIZE; at += 8) {
            log.add(lab.machine().memory().read(at, 8));
        }
        long yields = lab.hypervisor().map(l0 -> l0.counters().yields).orElse(0L);
        return new Seen(outcome.kind().toString(), log, yields);
    }

    @ParameterizedTest
    @CsvSource({"'max,+vmx', TDP", "'max,+vmx', SHADOW", "'EPYC-Milan,+svm', TDP", "'EPYC-Milan,+svm', SHADOW"})
    void asOnBareSilicon(String silicon, L0Mode mode) {
        long yields = 0;
        for (int seed = 1; seed <= GUESTS; seed++) {
            ImageFile image = ParallelGuest.image(seed, STEPS);
            Seen right = run(image, bare().build());
            assertThat(right.outcome()).isEqualTo("DEBUG_EXIT");
            NestboxConfiguration configuration = bare().cpu(silicon)
                    .l0(mode)
                    .guestCpu(silicon.contains("svm") ? "EPYC-Milan,-svm" : MODEL)
                    .yieldAt("seeded:" + seed)
                    .build();
            Seen seen = run(image, configuration);
            assertThat(seen.log()).as("seed %d", seed).isEqualTo(right.log());
            yields += seen.yields();
        }
        assertThat(yields).isGreaterThan(GUESTS * 50L);
    }
}
