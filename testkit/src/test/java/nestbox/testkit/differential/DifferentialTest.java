package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import nestbox.modules.L0Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random guests that obey the manual's rules of invalidation cannot tell L0's MMUs and the retention policies from bare silicon.
 * A step is one action of the guest that the generator made, run both ways, with its result logged and compared. {@code nestbox
 * differential} runs as many as one likes.
 */
class DifferentialTest {
    private static final long FIXED = 20261130;

    private static void run(Campaign campaign, long seed, long steps) {
        assertThat(campaign.run(seed, steps, done -> {})).isEmpty();
    }

    /** {@code -Dnestbox.seed}, which CI takes from the commit so that a commit's result does not change; else from the clock. */
    static long fresh(String what) {
        String given = System.getProperty("nestbox.seed", "");
        long fresh = given.isEmpty() ? System.nanoTime() & 0xffffffffL : Long.parseLong(given, 16);
        System.out.println(what + ": fresh seed " + fresh);
        return fresh;
    }

    /** 10^5 steps of each combination of an MMU and a retention policy, half of them from a fresh seed. */
    @ParameterizedTest
    @EnumSource(names = {"INTEL", "AMD"})
    void everyCombination(Campaign.Platform platform) {
        List<String> ways = new ArrayList<>();
        for (String mode : List.of("none", "tdp", "shadow")) {
            for (String retention : List.of("keep", "none", "lru:64", "seeded:7")) {
                ways.add(mode + "/" + retention);
            }
        }
        ways.remove("none/keep");
        Campaign campaign = Campaign.of(platform, 1).withWays(ways).withCaseSteps(12_500);
        run(campaign, FIXED, 50_000);
        run(campaign, fresh("differential run, " + platform), 50_000);
    }

    /** Two processors, which shoot each other's translations down; the other models have fewer features, or protection keys. */
    @ParameterizedTest
    @CsvSource({"INTEL, 2", "AMD, 2", "NEHALEM, 1", "PENRYN, 1", "NAPLES, 2", "INTEL_KEYS, 1", "AMD_KEYS, 1"})
    void processorsAndModels(Campaign.Platform platform, int cpus) {
        List<String> ways = Campaign.of(platform, cpus).ways().stream()
                .filter(way -> way.endsWith("/keep"))
                .toList();
        Campaign campaign = Campaign.of(platform, cpus).withWays(ways).withCaseSteps(1500);
        run(campaign, FIXED, 3000);
        run(campaign, fresh(platform + ", " + cpus + " processors"), 3000);
    }

    /** Nobody can tell that L0's memory slots are logged, moved, taken away and brought back meanwhile. */
    @ParameterizedTest
    @EnumSource(names = {"INTEL", "AMD"})
    void userspaceAtWork(Campaign.Platform platform) {
        Campaign campaign = Campaign.of(platform, 1)
                .withWays(List.of("tdp/keep+userspace", "shadow/lru:64+userspace"))
                .withCaseSteps(1500);
        run(campaign, FIXED, 4500);
        run(campaign, fresh("userspace, " + platform), 4500);
    }

    /** The second seed ends a page with an instruction whose bytes SVM saves at a nested page fault. */
    @ParameterizedTest
    @CsvSource({"INTEL, 20261130, 800", "AMD, 20261130, 400", "AMD, 8004, 200"})
    void theReferenceMmu(Campaign.Platform platform, long seed, long steps) {
        List<String> ways = List.of("reference/keep", "reference-shadow/keep");
        run(Campaign.of(platform, 1).withWays(ways).withCaseSteps(200), seed, steps);
    }

    /** A planted fault is found: L0 refuses a bit of CR4. The command that is printed finds it again, in the same few steps. */
    @Test
    void aFailureRepeats() {
        Campaign wrong = Campaign.of(Campaign.Platform.INTEL, 1)
                .withWays(List.of("shadow/keep"))
                .withShapes(List.of(Shape.PAE))
                .withPolicies(Map.of("mmioCache.clearOnLoad", "paolo"))
                .with(configuration -> configuration.toBuilder()
                        .guestCpu("max,-vmx,-lam,-pku,-pks,-la57,-smep")
                        .build())
                .withCaseSteps(500);
        Campaign.Finding found = wrong.run(FIXED, 5000, done -> {}).orElseThrow();
        assertThat(found.toString())
                .contains("seed " + FIXED + ", case " + found.number())
                .contains("  0 cpu0 cr4 100000, 0, 0\n")
                .endsWith("again by: nestbox differential --vendor intel --smp 1 --shapes pae --case-steps 500 --seed "
                        + FIXED + " --case " + found.number()
                        + " --ways shadow/keep --policy mmioCache.clearOnLoad=paolo");
        assertThat(found.difference().guest().steps()).hasSize(1);
        assertThat(wrong.compare(new Differential(), FIXED, found.number())
                        .orElseThrow()
                        .toString())
                .isEqualTo(found.difference().toString());
    }

    /**
     * Wrong policies are found, each by a case that its right value leaves without a difference. Where other random guests are made,
     * {@code nestbox differential --case-steps 1000 --seed 1 --shapes SHAPE --ways WAY --policy POLICY} finds another case.
     */
    @ParameterizedTest
    @CsvSource({
        "mmioCache.clearOnNewPgdHit=off, shadow/keep, FOUR_LEVEL, 19",
        "mmioCache.clearOnSync=off, shadow/keep, FOUR_LEVEL, 19",
        "mmioCache.gvaAllowed=any, tdp/keep, TWO_LEVEL, 2",
        "roots.syncChildBeforeLink=off, shadow/keep, FOUR_LEVEL, 8",
        "shadow.nxInRole=off, shadow/keep, FOUR_LEVEL, 6",
        "shadow.invpcidUnpaged=call, shadow/keep, PAE, 0",
        "walk.tableOutsideMemory=fault, shadow/keep, PAE, 1"
    })
    void plantedBugsAreFound(String policy, String way, Shape shape, long number) {
        Campaign right = Campaign.of(Campaign.Platform.INTEL, 1)
                .withWays(List.of(way))
                .withShapes(List.of(shape))
                .withCaseSteps(1000);
        String[] parts = policy.split("=");
        Campaign wrong = right.withPolicies(Map.of(parts[0], parts[1]));
        Case guest = right.guest(1, number);
        Differential runs = new Differential();
        Observation bare = runs.run(guest, only(right.withWays(List.of("none/keep")), shape));
        assertThat(bare.difference(runs.run(guest, only(right, shape)), guest)).isNull();
        assertThat(bare.difference(runs.run(guest, only(wrong, shape)), guest)).isNotNull();
    }

    private static Subject only(Campaign campaign, Shape shape) {
        return campaign.subjects(shape, 0).get(0);
    }

    /** Guests that leave out invalidations: each access is one that the manual permits, on two processors, too. */
    @ParameterizedTest
    @CsvSource({"INTEL, 1", "AMD, 2"})
    void forgetfulGuests(Campaign.Platform platform, int cpus) {
        long fresh = fresh("forgetful guests, " + platform);
        Campaign campaign = Campaign.of(platform, cpus)
                .withWays(List.of("none/keep", "tdp/keep", "shadow/keep"))
                .withCaseSteps(300);
        assertThat(campaign.runForgetful(FIXED, 1200, done -> {})).isEmpty();
        assertThat(campaign.runForgetful(fresh, 1200, done -> {})).isEmpty();
    }

    @Test
    void aForgetfulGuestDoesUseStaleTranslations() {
        Case guest = new Generator(Shape.FOUR_LEVEL, FIXED, 1, Traits.ofGuest(true), true, false).generate(3000);
        Subject bare = Subject.of(L0Mode.NONE, "keep", "max,+vmx", "max,-vmx,-la57", 1, 0);
        assertThat(new Differential().run(guest, bare.checked()).outcome()).startsWith("ended after cpu0 used ");
    }
}
