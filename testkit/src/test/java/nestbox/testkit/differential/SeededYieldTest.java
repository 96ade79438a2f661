package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import nestbox.modules.Nestbox;
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

    /** There are turns within L0, here also where it has read the PDPTEs of a guest with 32-bit paging, and nobody can tell. */
    @ParameterizedTest
    @CsvSource({"FOUR_LEVEL, seeded:1", "PAE, roots-before-lock=200", "TWO_LEVEL, roots-before-lock=200"})
    void turnsComeWithinL0(Shape shape, String plan) {
        Campaign campaign = Campaign.of(Campaign.Platform.INTEL, 2)
                .withWays(List.of("shadow/keep"))
                .withShapes(List.of(shape))
                .withCaseSteps(750);
        Case guest = campaign.guest(20261130, 0);
        Subject shadow = campaign.subjects(shape, 0).get(0);
        Nestbox lab =
                Nestbox.create(shadow.configuration().toBuilder().yieldAt(plan).build());
        Observation seen = Observation.of(new CaseImage(shape.wide), guest, lab, null);
        Subject bare =
                campaign.withWays(List.of("none/keep")).subjects(shape, 0).get(0);
        assertThat(new Differential().run(guest, bare).difference(seen, guest)).isNull();
        assertThat(lab.hypervisor().orElseThrow().counters().yields).isGreaterThan(10);
    }
}
