package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Guests of two processors see the same when the other processor runs in the middle of L0's work. */
class SeededYieldTest {
    @ParameterizedTest
    @CsvSource({"INTEL, 1", "AMD, 2"})
    void nothingChangesForGuestsThatObeyTheRules(Campaign.Platform platform, int schedule) {
        Campaign campaign = Campaign.of(platform, 2)
                .withWays(List.of("tdp/keep", "shadow/keep", "shadow/keep+check"))
                .withCaseSteps(750)
                .with(configuration ->
                        configuration.toBuilder().yieldAt("seeded:" + schedule).build());
        assertThat(campaign.run(20261130, 1500, done -> {}))
                .as("nestbox differential --seed 20261130 --smp 2 --yield seeded:%d", schedule)
                .isEmpty();
    }
}
