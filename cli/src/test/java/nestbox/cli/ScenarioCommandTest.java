package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ScenarioCommandTest {
    private static final String MINE = """
            ;; scenario MINE: prints a letter
            ;; include  flat32
            ;; right    %s
            ;; cell     bare -> right
            main:   mov al, 'A'
                    jmp tell                ; step 0: the guest prints
            """;

    @TempDir
    private Path directory;

    private record Result(int code, String out, String err) {}

    private static Result scenario(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = new CommandLine(new ScenarioCommand());
        line.setOut(new PrintWriter(out));
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            err.write(e.getMessage());
            return ExitCode.BAD_INPUT.code;
        });
        return new Result(line.execute(arguments), out.toString(), err.toString());
    }

    private String file(String letter) throws IOException {
        return Files.writeString(directory.resolve("mine.asm"), MINE.formatted(letter))
                .toString();
    }

    @Test
    void endsWithZeroIfEveryCellIsAsExpected() throws IOException {
        Result result = scenario("run", file("A"));
        assertThat(result.code()).isZero();
        assertThat(result.out()).contains("MINE: prints a letter", "right: A");
    }

    @Test
    void endsWithAnotherCodeIfACellIsNot() throws IOException {
        Result result = scenario("run", file("B"));
        assertThat(result.code()).isEqualTo(ExitCode.CHECK_FAILED.code);
        assertThat(result.out()).contains("wrong: A (NOT AS EXPECTED)");
    }

    @Test
    void tellsToolsInJson() throws IOException {
        JsonNode cell = new ObjectMapper()
                .readTree(scenario("run", "--json", file("A")).out())
                .get(0);
        assertThat(cell.get("scenario").asText()).isEqualTo("MINE");
        assertThat(cell.get("under").asText()).isEqualTo("bare");
        assertThat(cell.get("verdict").asText()).isEqualTo("right");
        assertThat(cell.get("observed").asText()).isEqualTo("A");
        assertThat(cell.get("asExpected").asBoolean()).isTrue();
    }

    @Test
    void showsStepsCellsAndSource() {
        Result result = scenario("show", "s-cr3");
        assertThat(result.code()).isZero();
        assertThat(result.out()).contains("  0  L1's CR3 maps X", "shadow vmfail.cr3=none", "wrong: B", "call refuse");
    }

    @Test
    void aNameThatIsNoneIsBadInput() {
        assertThat(scenario("run", "S-NONE").code()).isEqualTo(ExitCode.BAD_INPUT.code);
        assertThat(scenario("run").err()).contains("--all");
        assertThat(scenario("run", "missing.asm").err()).contains("missing.asm");
    }
}
