package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The matrix in the README is the catalogue's: what each cell is expected to come to, which {@link ScenariosTest} proves by running
 * them. {@code -Dnestbox.write=true} writes it anew.
 */
class ReadmeMatrixTest {
    private static final String BEGIN = "<!-- scenarios: made by ReadmeMatrixTest -->\n";
    private static final String END = "<!-- end of scenarios -->\n";

    @Test
    void theReadmeHasTheCataloguesMatrix() throws IOException {
        Path readme = Path.of(System.getProperty("nestbox.root", ".."), "README.md");
        String text = Files.readString(readme);
        int from = text.indexOf(BEGIN) + BEGIN.length();
        int to = text.indexOf(END);
        assertThat(from).isGreaterThanOrEqualTo(BEGIN.length()).isLessThanOrEqualTo(to);
        List<ScenarioRun> expected = Scenarios.all().stream()
                .flatMap(scenario -> scenario.columns().stream()
                        .map(column -> new ScenarioRun(scenario, column, column.verdict(), column.observed())))
                .toList();
        String matrix = ScenarioMatrix.markdown(expected);
        if (Boolean.getBoolean("nestbox.write")) {
            Files.writeString(readme, text.substring(0, from) + matrix + text.substring(to));
            return;
        }
        assertThat(text.substring(from, to))
                .as("the matrix in README.md; write it anew with:"
                        + " mvn test -pl testkit -am -Dtest=ReadmeMatrixTest -Dsurefire.failIfNoSpecifiedTests=false"
                        + " -Dnestbox.write=true")
                .isEqualTo(matrix);
    }
}
