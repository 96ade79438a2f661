package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import nestbox.core.Seed;
import nestbox.modules.L0Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random L1 hypervisors with two guests each, which obey the manual's rules of invalidation, cannot tell L0 from bare silicon, in each of
 * the three ways to run L2. The steps are few here and always the same; {@code nestbox differential --nested} runs as many as one likes.
 */
class NestedDifferentialTest {
    private static final long FIXED = 20261130;

    private static void run(NestedCampaign campaign, long seed, long steps) {
        assertThat(campaign.run(seed, steps, done -> {}))
                .as("nestbox differential --nested --seed %d", seed)
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "INTEL, true, tdp/keep",
        "INTEL, false, tdp/keep",
        "INTEL, false, shadow/keep",
        "AMD, true, tdp/keep",
        "AMD, false, tdp/keep",
        "AMD, false, shadow/keep"
    })
    void aFixedSeed(NestedVendor vendor, boolean tdp, String way) {
        run(NestedCampaign.of(vendor, tdp).withWays(List.of(way)).withCaseSteps(2000), FIXED, 6000);
    }

    @Test
    void theReferenceMmu() {
        NestedCampaign campaign = NestedCampaign.of(NestedVendor.INTEL, true);
        run(campaign.withWays(List.of("reference/keep")).withCaseSteps(60), FIXED, 120);
    }

    /** Guests and L1 do come to their turn: entries succeed, exits have many reasons, few entries are refused. */
    @ParameterizedTest
    @CsvSource({"INTEL", "AMD"})
    void guestsRun(NestedVendor vendor) {
        NestedImage image = new NestedImage(vendor, true);
        NestedCase nested =
                new NestedGenerator(vendor, Shape.FOUR_LEVEL, true, image, new Seed(FIXED).nextLong()).generate(1000);
        NestedObservation bare =
                NestedObservation.of(image, nested, NestedSubject.of(L0Mode.NONE.text() + "/keep", vendor, true, 0));
        assertThat(bare.outcome()).isEqualTo("ended");
        long[] records = bare.records();
        int left = 0;
        Set<Long> reasons = new TreeSet<>();
        for (int i = 0; i < records.length; i += NestedLayout.RECORD_BYTES / 8) {
            if (records[i + 5] != 0) {
                left++;
                reasons.add(records[i]);
            }
        }
        assertThat(left).isGreaterThan(100);
        assertThat(reasons).hasSizeGreaterThan(10);
    }
}
