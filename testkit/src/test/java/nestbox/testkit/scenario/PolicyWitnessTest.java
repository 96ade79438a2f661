package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyPoint;
import nestbox.mmu.core.PolicyValue;
import nestbox.testkit.scenario.Scenario.Column;
import nestbox.testkit.scenario.Scenario.Verdict;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What `nestbox policy list` says of each value has its evidence in the catalogue, whose cells {@link ScenariosTest} runs. A value that
 * is wrong or deviates has a cell where machine code shows it, and beside it one that differs in this value alone and shows another
 * thing. A value that is right or slow has a cell beside one with another value where all is the same but a counter.
 */
class PolicyWitnessTest {
    @TestFactory
    Stream<DynamicTest> everyValueHasItsWitness() {
        return Stream.<PolicyPoint[]>of(MmuPolicy.values(), NestedPolicy.values())
                .flatMap(Arrays::stream)
                .flatMap(policy -> policy.choices().stream()
                        .filter(value -> value != policy.exact())
                        .map(value -> DynamicTest.dynamicTest(
                                policy.text() + "=" + value.name(), () -> witnessed(policy, value))));
    }

    private static void witnessed(PolicyPoint policy, PolicyValue value) {
        boolean harmless = value.verdict() == PolicyValue.Verdict.RIGHT || value.verdict() == PolicyValue.Verdict.SLOW;
        List<String> witnesses = Scenarios.all().stream()
                .filter(scenario -> scenario.columns().stream()
                        .filter(column -> words(column).contains(policy.text() + "=" + value.name()))
                        .anyMatch(column -> harmless
                                ? differsInACounter(scenario, policy, column)
                                : goesWrong(scenario, policy, column)))
                .map(Scenario::id)
                .toList();
        assertThat(witnesses)
                .as("scenarios that show %s=%s to be %s", policy.text(), value.name(), value.verdict())
                .isNotEmpty();
    }

    private static boolean goesWrong(Scenario scenario, PolicyPoint policy, Column column) {
        boolean wrong = column.verdict() == Verdict.WRONG || column.verdict() == Verdict.REFUSED;
        return wrong
                && beside(
                        scenario,
                        policy,
                        column,
                        other -> other.verdict() != Verdict.WRONG
                                && !other.observed().equals(column.observed()));
    }

    private static boolean differsInACounter(Scenario scenario, PolicyPoint policy, Column column) {
        boolean same = column.verdict() == Verdict.RIGHT || column.verdict() == Verdict.SLOW;
        return same
                && beside(
                        scenario,
                        policy,
                        column,
                        other -> other.verdict() == Verdict.RIGHT
                                && printed(other).equals(printed(column))
                                && !other.observed().equals(column.observed()));
    }

    private static boolean beside(Scenario scenario, PolicyPoint policy, Column column, Predicate<Column> condition) {
        return scenario.columns().stream()
                .filter(other -> other != column && without(policy, other).equals(without(policy, column)))
                .anyMatch(condition);
    }

    private static Set<String> words(Column column) {
        return new TreeSet<>(List.of(column.text().split(" +")));
    }

    private static Set<String> without(PolicyPoint policy, Column column) {
        Set<String> words = words(column);
        words.removeIf(word -> word.startsWith(policy.text() + "="));
        return words;
    }

    /** What is observed without counters. */
    private static String printed(Column column) {
        return column.observed().replaceAll(" [a-z]+=\\d+", "");
    }
}
