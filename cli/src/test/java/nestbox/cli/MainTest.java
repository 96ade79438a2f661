package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class MainTest {
    @TempDir
    Path directory;

    private record Result(int code, String err) {}

    private static Result run(String... args) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Main.execute(args, new PrintStream(err, true));
        return new Result(code, err.toString());
    }

    private static void isOneCleanLine(Result result, String... parts) {
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err())
                .startsWith("nestbox: ")
                .contains(parts)
                .doesNotContain("Exception")
                .doesNotContain("\tat ");
    }

    /** The README's first command; it fails if L1 does something else under L0 or a policy's outcome is not the catalogue's. */
    @Test
    void theDemoComesToItsEnd() {
        Result result = run("demo", "--quiet");
        assertThat(result.code()).as(result.err()).isZero();
    }

    @Test
    void badOptionsAreNamed() throws IOException {
        Path image = Files.write(directory.resolve("image"), new byte[8192]);
        String file = image.toString();
        isOneCleanLine(run("run"), "IMAGE");
        isOneCleanLine(run("run", file, "--nosuch"), "--nosuch");
        isOneCleanLine(run("run", file, "--tlb", "sometimes"), "tlb", "sometimes");
        isOneCleanLine(run("run", file, "--smp", "17"), "17 processors");
        isOneCleanLine(run("run", file, "-m", "lots"), "-m", "lots");
        isOneCleanLine(run("run", file, "--limit", "x"), "--limit");
        isOneCleanLine(run("run", file, "--block-size", "0"), "a block of 0");
        isOneCleanLine(run("run", file, "--cpu", "i8086"), "i8086", "Skylake-Server");
        isOneCleanLine(run("run", file, "--engine", "warp"), "--engine", "warp");
        isOneCleanLine(run("cpu", "show", "max,+nosuch"), "nosuch");
    }

    @Test
    void badImagesAreNamedWithFileAndField() throws IOException {
        isOneCleanLine(run("run", directory.resolve("missing").toString()), "missing", "no such file");
        Path noHeader = Files.write(directory.resolve("no-header"), new byte[8192]);
        isOneCleanLine(run("run", noHeader.toString()), noHeader.toString());
    }

    @Test
    void everyExitCodeIsEvenUniqueAndInTheHelp() {
        String help = new CommandLine(new RunCommand()).getUsageMessage()
                + new CommandLine(new CheckCommand()).getUsageMessage();
        Set<Integer> codes = new HashSet<>();
        for (ExitCode exit : ExitCode.values()) {
            assertThat(exit.code % 2).as(exit.meaning).isZero();
            assertThat(codes.add(exit.code)).isTrue();
            assertThat(help).containsPattern("(?m)^ +" + exit.code + " +\\w");
        }
    }
}
