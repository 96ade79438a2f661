package nestbox.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The README's test is {@link FirstTest}, which runs. */
class ReadmeExampleTest {
    @Test
    void theReadmeShowsTheTestThatRuns() throws IOException {
        Path root = Path.of(System.getProperty("nestbox.root", ".."));
        String test = Files.readString(root.resolve("testkit/src/test/java/nestbox/testkit/FirstTest.java"));
        String body = test.substring(test.indexOf("class FirstTest")).strip();
        assertThat(Files.readString(root.resolve("README.md")))
                .contains(body.indent(4).stripTrailing());
    }
}
