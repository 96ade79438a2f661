package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class SupportCommandTest {
    @Test
    void theTableIsUpToDate() throws IOException {
        Path docs = Files.isDirectory(Path.of("docs")) ? Path.of("docs") : Path.of("..", "docs");
        assertThat(SupportCommand.text().lines().toList())
                .as("docs/support.md; make it anew with: nestbox support > docs/support.md")
                .isEqualTo(Files.readAllLines(docs.resolve("support.md")));
    }
}
