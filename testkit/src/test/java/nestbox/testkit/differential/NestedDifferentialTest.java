package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random L1 hypervisors with two guests each, which obey the manual's rules of invalidation, cannot tell L0 from bare silicon, in each of
 * the three ways to run L2. {@code nestbox differential --nested} runs as many as one likes.
 */
class NestedDifferentialTest {
    private static final long FIXED = 20261130;
    private static final long OTHER = 846292649;
    private static final List<Shape> SHAPES =
            List.of(Shape.FOUR_LEVEL, Shape.FOUR_LEVEL, Shape.PAE, Shape.FOUR_LEVEL, Shape.TWO_LEVEL);

    private static void run(NestedCampaign campaign, long seed, long steps) {
        assertThat(campaign.run(seed, steps, done -> {})).isEmpty();
    }

    /** 10^5 steps of L2 in all, half of them from a fresh seed. */
    @ParameterizedTest
    @CsvSource({
        "INTEL, true, tdp/keep",
        "INTEL, false, tdp/keep;shadow/keep",
        "AMD, true, tdp/keep",
        "AMD, false, tdp/keep;shadow/keep"
    })
    void everyCombination(NestedVendor vendor, boolean tdp, String ways) {
        NestedCampaign campaign = NestedCampaign.of(vendor, tdp)
                .withWays(List.of(ways.split(";")))
                .withShapes(SHAPES)
                .withCaseSteps(2500);
        run(campaign, FIXED, 8400);
        run(campaign, DifferentialTest.fresh("nested run, " + vendor + (tdp ? ", tdp" : ", shadow")), 8400);
    }

    /** The oracle in each of the three ways: walks without any cache or root. */
    @ParameterizedTest
    @CsvSource({
        "INTEL, true, reference/keep",
        "AMD, true, reference/keep",
        "AMD, false, reference/keep",
        "INTEL, false, reference-shadow/keep"
    })
    void theReferenceMmu(NestedVendor vendor, boolean tdp, String way) {
        NestedCampaign campaign = NestedCampaign.of(vendor, tdp);
        run(campaign.withWays(List.of(way)).withCaseSteps(40), FIXED, 30);
    }

    /** L1s that leave out INVEPT, INVVPID, INVLPGA and TLB_CONTROL, and guests that leave out theirs: each access is one that they permit. */
    @ParameterizedTest
    @CsvSource({"INTEL, true, tdp/keep", "INTEL, false, shadow/keep", "AMD, true, tdp/keep", "AMD, false, shadow/keep"})
    void forgetfulHypervisors(NestedVendor vendor, boolean tdp, String way) {
        NestedCampaign campaign =
                NestedCampaign.of(vendor, tdp).withWays(List.of(way)).withCaseSteps(400);
        assertThat(campaign.runForgetful(FIXED, 250, done -> {})).isEmpty();
        assertThat(campaign.runForgetful(OTHER, 250, done -> {})).isEmpty();
    }

    private static NestedCase nested(NestedVendor vendor, NestedImage image, boolean forgetful, int steps, long seed) {
        return new NestedGenerator(vendor, Shape.FOUR_LEVEL, true, image, seed, forgetful).generate(steps);
    }

    @ParameterizedTest
    @EnumSource
    void theForgetfulDoUseStaleTranslations(NestedVendor vendor) {
        NestedImage image = new NestedImage(vendor, true);
        NestedSubject judged = NestedSubject.of("tdp/keep" + Subject.CHECK, vendor, true, 0);
        List<String> forgetful = new ArrayList<>();
        List<String> obedient = new ArrayList<>();
        for (long seed = 0; seed < 6; seed++) {
            forgetful.add(NestedObservation.of(image, nested(vendor, image, true, 600, seed), judged)
                    .outcome());
            obedient.add(NestedObservation.of(image, nested(vendor, image, false, 600, seed), judged)
                    .outcome());
        }
        assertThat(forgetful).anyMatch(outcome -> outcome.startsWith("ended after L2 on cpu0 used "));
        assertThat(obedient).containsOnly("ended");
    }

    /** A planted bug: the flush that a guest asks for reaches L1's VPID. Its few steps are an edit and a use of what was cached. */
    @Test
    void aFailureRepeats() {
        NestedCampaign wrong = NestedCampaign.of(NestedVendor.INTEL, true)
                .withWays(List.of("tdp/keep"))
                .withPolicies(Map.of("vpid.flushTarget", "vpid01"))
                .withCaseSteps(60);
        NestedCampaign.Finding found = wrong.run(FIXED, 3000, done -> {}).orElseThrow();
        assertThat(found.way()).isEqualTo("tdp/keep");
        assertThat(found.nested().steps()).hasSizeLessThan(12);
        assertThat(found.toString())
                .endsWith(
                        "again by: nestbox differential --nested tdp --vendor intel --shapes four-level --case-steps 60"
                                + " --seed " + FIXED + " --case " + found.number()
                                + " --ways tdp/keep --policy vpid.flushTarget=vpid01");
    }

    /** A difference that L1 or a guest makes is named as the generator's. */
    @Test
    void aDisobedientHypervisorIsNamed() {
        NestedImage image = new NestedImage(NestedVendor.INTEL, true);
        NestedCampaign campaign = NestedCampaign.of(NestedVendor.INTEL, true);
        NestedCase forgetful = nested(NestedVendor.INTEL, image, true, 30, 5);
        NestedRuns runs = new NestedRuns(campaign, image, 0);
        NestedObservation right = runs.run(forgetful, NestedRuns.REFERENCE);
        NestedRuns.Wrong wrong = runs.compare(forgetful, right, "none/none");
        assertThat(wrong.what()).startsWith("the generator made an L1 that sees what the silicon caches: ");
        assertThat(wrong.nested().steps()).hasSizeLessThan(12);
    }

    /** Guests and L1 do come to their turn: entries succeed, exits have many reasons, few entries are refused. */
    @ParameterizedTest
    @EnumSource
    void guestsRun(NestedVendor vendor) {
        NestedImage image = new NestedImage(vendor, true);
        NestedCase nested = nested(vendor, image, false, 2000, FIXED);
        NestedObservation bare = NestedObservation.of(image, nested, NestedSubject.of("none/keep", vendor, true, 0));
        assertThat(bare.outcome()).isEqualTo("ended");
        long[] records = bare.records();
        int left = 0;
        Set<Long> reasons = new TreeSet<>();
        List<Long> refused = new ArrayList<>();
        for (int i = 0; i < records.length; i += NestedLayout.RECORD_BYTES / 8) {
            if (records[i] < 0) {
                refused.add(records[i]);
            } else if (records[i + 5] != 0) {
                left++;
                reasons.add(records[i]);
            }
        }
        assertThat(left).isGreaterThan(100);
        assertThat(reasons).hasSizeGreaterThan(10);
        assertThat(refused).hasSizeLessThan(left / 2);
    }
}
