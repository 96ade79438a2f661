package nestbox.svm.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random VMCBs end in an outcome of the architecture, the one that the checks foretell. 10,000 states in all;
 * {@code -Dnestbox.campaign=N} makes it N for each model, printed by outcome.
 */
class VmrunCampaignTest {
    private static final int STATES = 2000;

    @ParameterizedTest
    @ValueSource(strings = {"phenom", "EPYC,-npt", "EPYC-Milan", "EPYC-Turin", "max,+svm"})
    void randomStates(String model) {
        VmrunCampaign campaign = new VmrunCampaign(model);
        int states = Integer.getInteger("nestbox.campaign", STATES);
        campaign.run(1, states);
        int sum = campaign.outcomes().values().stream()
                .mapToInt(Integer::intValue)
                .sum();
        assertThat(sum).isEqualTo(states);
        assertThat(campaign.outcomes()).containsKeys("INVALID", "VMMCALL", "EXCP", "SHUTDOWN", "CPUID", "runs on");
        assertThat(campaign.outcomes().get("INVALID")).isBetween(states / 10, states * 9 / 10);
        if (states != STATES) {
            System.out.println(model + ": " + campaign.outcomes());
        }
    }
}
