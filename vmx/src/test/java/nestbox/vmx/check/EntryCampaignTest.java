package nestbox.vmx.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random states end in an outcome of the architecture, the one that the checks foretell. 10,000 states in all;
 * {@code -Dnestbox.campaign=N} makes it N for each model, printed by outcome.
 */
class EntryCampaignTest {
    private static final int STATES = 2000;

    @ParameterizedTest
    @ValueSource(
            strings = {"Penryn,+vmx", "Nehalem,+vmx", "Haswell,+vmx", "Skylake-Server,+vmx", "SapphireRapids,+vmx"})
    void randomStates(String model) {
        EntryCampaign campaign = new EntryCampaign(model);
        int states = Integer.getInteger("nestbox.campaign", STATES);
        campaign.run(1, states);
        int sum = campaign.outcomes().values().stream()
                .mapToInt(Integer::intValue)
                .sum();
        assertThat(sum).isEqualTo(states);
        assertThat(campaign.outcomes()).containsKeys("VMfailValid(7)", "VMfailValid(8)", "exit 33 at entry");
        if (states != STATES) {
            System.out.println(model + ": " + campaign.outcomes());
        }
    }
}
