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

class CheckCommandTest {
    @TempDir
    private Path directory;

    private record Result(int code, String out, String err) {}

    private Result check(String document, String... options) throws IOException {
        Path file = Files.writeString(directory.resolve("state.yaml"), document);
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = new CommandLine(new CheckCommand());
        line.setOut(new PrintWriter(out, true));
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            err.write(e.getMessage());
            return ExitCode.BAD_INPUT.code;
        });
        String[] args = new String[options.length + 1];
        args[0] = file.toString();
        System.arraycopy(options, 0, args, 1, options.length);
        int code = line.execute(args);
        return new Result(code, out.toString(), err.toString());
    }

    @Test
    void listsWhatFails() throws IOException {
        Result result = check("fields:\n  CR3_TARGET_COUNT: 5\n  Host CS selector: 0x3\n", "--cpu", "Skylake-Server");
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.out())
                .contains("VMfailValid(7)")
                .contains("CR3_TARGET_COUNT = 0x5")
                .contains("HOST_CS_SELECTOR = 0x3")
                .contains("SDM Vol. 3, \"VM-Execution Control Fields\"")
                .contains("exit 33, qualification 0");
    }

    @Test
    void sameInJson() throws IOException {
        String document = "fields:\n  CR3_TARGET_COUNT: 5\n";
        Result result = check(document, "--cpu", "Skylake-Server", "--json", "--order", "reversed");
        JsonNode json = new ObjectMapper().readTree(result.out());
        assertThat(json.get("structure").asText()).isEqualTo("vmcs");
        assertThat(json.get("succeeds").asBoolean()).isFalse();
        assertThat(json.get("outcome").asText()).isEqualTo("VMfailValid(8)");
        assertThat(json.get("failures")).anySatisfy(failure -> {
            assertThat(failure.get("fields").path("CR3_TARGET_COUNT").asText()).isEqualTo("0x5");
            assertThat(failure.get("section").asText()).contains("VM-Execution Control Fields");
        });
    }

    @Test
    void badFilesAreNamedWithLineAndField() throws IOException {
        String document = """
                # a comment
                fields:
                  GUEST_CR0: 0x80000031
                  GUEST_CR9: 1
                  GUEST_CR4: [1, 2]
                  GUEST_CR0: 0
                state: 7
                """;
        assertThat(check(document).err())
                .contains("state.yaml: ")
                .contains("line 5: GUEST_CR4: is not a plain value")
                .contains("line 6: GUEST_CR0: stands here twice")
                .contains("line 7: state: is not a map");
        assertThat(check("fields:\n  GUEST_CR9: 1\n").err()).contains("line 2: GUEST_CR9: there is no such field");
        assertThat(check("fields:\n  - 1\n  x: 2\n").err()).contains("state.yaml: line 2: not YAML");
        assertThat(check("7").err()).contains("line 1: a map of parts must stand here");
        assertThat(check("").code()).isEqualTo(2);
        assertThat(check("fields: {}", "--cpu", "Skylake-Server,-vmx").err()).contains("--cpu", "no virtualization");
        assertThat(check("fields: {}", "--order", "any").err()).contains("--order: 'any'");
    }
}
