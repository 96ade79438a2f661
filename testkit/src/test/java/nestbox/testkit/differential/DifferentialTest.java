package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import nestbox.modules.L0Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random guests that obey the manual's rules of invalidation cannot tell L0's MMUs and the retention policies from bare silicon.
 * The steps of each combination are few here; {@code nestbox differential} runs as many as one likes.
 */
class DifferentialTest {
    private static final long FIXED = 20261130;

    private static void run(Campaign campaign, long seed, long steps) {
        Optional<Campaign.Finding> finding = campaign.run(seed, steps, done -> {});
        assertThat(finding).as("nestbox differential --seed %d", seed).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"INTEL, 1", "AMD, 1"})
    void aFixedSeedAndAFreshOne(Campaign.Platform platform, int cpus) {
        long fresh = System.nanoTime() & 0xffffffffL;
        System.out.println("differential run, " + platform + ", " + cpus + " processors: fresh seed " + fresh);
        List<String> fast =
                List.of("none/none", "none/seeded:7", "tdp/keep", "tdp/lru:64", "shadow/keep", "shadow/seeded:7");
        Campaign campaign = Campaign.of(platform, cpus).withWays(fast).withCaseSteps(1500);
        run(campaign, FIXED, 4500);
        run(campaign, fresh, 4500);
    }

    /** AMD's second case once went wrong: a root taken from the cache had no PCID of its own in hardware. */
    @ParameterizedTest
    @CsvSource({"INTEL", "AMD"})
    void twoProcessors(Campaign.Platform platform) {
        run(
                Campaign.of(platform, 2)
                        .withWays(List.of("none/none", "tdp/keep", "shadow/keep"))
                        .withCaseSteps(1500),
                FIXED,
                4500);
    }

    @Test
    void theReferenceMmu() {
        run(
                Campaign.of(Campaign.Platform.INTEL, 1)
                        .withWays(List.of("reference/keep", "reference-shadow/keep"))
                        .withCaseSteps(100),
                FIXED,
                400);
    }

    /** Guests that leave out invalidations: each access is one that the manual permits, on two processors, too. */
    @ParameterizedTest
    @CsvSource({"INTEL, 1", "AMD, 2"})
    void forgetfulGuests(Campaign.Platform platform, int cpus) {
        long fresh = System.nanoTime() & 0xffffffffL;
        System.out.println("forgetful guests, " + platform + ": fresh seed " + fresh);
        Campaign campaign = Campaign.of(platform, cpus)
                .withWays(List.of("none/keep", "tdp/keep", "shadow/keep"))
                .withCaseSteps(300);
        assertThat(campaign.runForgetful(FIXED, 1200, done -> {})).isEmpty();
        assertThat(campaign.runForgetful(fresh, 1200, done -> {})).isEmpty();
    }

    @Test
    void aForgetfulGuestDoesUseStaleTranslations() {
        Case guest = new Generator(Shape.FOUR_LEVEL, FIXED, 1, true, true).generate(3000);
        Subject bare = Subject.of(L0Mode.NONE, "keep", "max,+vmx", "max,-vmx,-la57", 1, 0);
        assertThat(new Differential().run(guest, bare.checked()).outcome()).startsWith("ended after cpu0 used ");
    }
}
