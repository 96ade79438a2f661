package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Each cell of the matrix is what the manual and the threads say, cells that are to go wrong included. */
class ScenariosTest {
    @TestFactory
    Stream<DynamicTest> cells() {
        return Scenarios.all().stream()
                .flatMap(scenario -> scenario.columns().stream()
                        .map(column -> DynamicTest.dynamicTest(
                                scenario.id() + " / " + column.policies(),
                                () -> assertThat(
                                                ScenarioRun.of(scenario, column).observed())
                                        .isEqualTo(column.observed()))));
    }

    @Test
    void aScenarioThatNothingGetsWrongShowsNothing() {
        assertThat(Scenarios.all())
                .allSatisfy(scenario -> assertThat(scenario.columns().stream().filter(scenario::wrong))
                        .isNotEmpty());
    }
}
