package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import nestbox.core.NestboxException;
import nestbox.testkit.scenario.Scenario.Verdict;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Each cell of the matrix is what the manual and the threads say, cells that are to go wrong included. */
class ScenariosTest {
    private static final String GOOD = """
            ;; scenario X: a title
            ;; right    A
            ;; cell     bare -> right
            ; step 0: something
            """;

    @TestFactory
    Stream<DynamicTest> cells() {
        return Scenarios.all().stream()
                .flatMap(scenario -> scenario.columns().stream()
                        .map(column -> DynamicTest.dynamicTest(scenario.id() + " / " + column.text(), () -> {
                            ScenarioRun run = ScenarioRun.of(scenario, column);
                            assertThat(run.asExpected())
                                    .as("%s, expected %s %s", run.text(), column.verdict(), column.observed())
                                    .isTrue();
                        })));
    }

    @Test
    void aScenarioThatNothingGetsWrongShowsNothing() {
        assertThat(Scenarios.all()).allSatisfy(scenario -> {
            assertThat(scenario.columns().stream()
                            .filter(column -> !column.text().startsWith("bare"))
                            .map(column -> column.verdict() + " " + column.observed())
                            .distinct())
                    .hasSizeGreaterThan(1);
            assertThat(scenario.columns()).anyMatch(column -> column.verdict() == Verdict.RIGHT);
            assertThat(scenario.origin()).isNotBlank();
        });
    }

    @Test
    void everySourceThatNamesAScenarioIsInTheIndex() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src/main/resources/nestbox/testkit/scenario"))) {
            List<String> ids = Scenarios.all().stream().map(Scenario::id).toList();
            assertThat(ids).doesNotHaveDuplicates();
            long named = files.filter(Files::isRegularFile)
                    .filter(ScenariosTest::namesAScenario)
                    .count();
            assertThat(ids).hasSize((int) named);
        }
    }

    private static boolean namesAScenario(Path file) {
        try {
            return Files.readString(file).startsWith(";; scenario");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aFileThatIsWrongIsRefusedByLine() {
        refused(GOOD + "; step 2: no step 1", "lacks step 1");
        refused(GOOD + "; step 0: again", "x.asm:5", "second");
        refused(GOOD + "; step one", "x.asm:5", "step N");
        refused(GOOD + ";; colour red", "x.asm:5", "colour");
        refused(GOOD + ";; probe depth", "x.asm:5", "depth");
        refused(GOOD + ";; cell tdp", "expects nothing");
        refused(GOOD + ";; cell tdp -> wrong", "observed");
        refused(GOOD + ";; cell tdp -> wrong A", "observed");
        refused(GOOD + ";; cell tdp -> good", "good");
        refused(GOOD + ";; cell ept -> right", "ept");
        refused(GOOD + ";; cell tdp no.such=policy -> right", "x.asm", "no.such");
        refused(GOOD + ";; cell tdp cpus=two -> right", "x.asm", "cpus=two");
        refused(";; scenario X: a title", "lacks");
    }

    private static void refused(String text, String... messages) {
        assertThatThrownBy(() -> ScenarioFile.parse("x.asm", text, name -> ""))
                .isInstanceOf(NestboxException.class)
                .message()
                .contains(messages);
    }
}
