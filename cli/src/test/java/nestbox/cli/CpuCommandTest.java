package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModelText;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CpuCommandTest {
    @TempDir
    Path directory;

    private record Result(int code, String out, String err) {}

    private static Result run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = new CommandLine(new Main()).setExpandAtFiles(false);
        line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        int code = line.execute(args);
        return new Result(code, out.toString(), err.toString());
    }

    /** The table in the repository is what the command prints; after a change: {@code nestbox cpu table > docs/cpu-models.md}. */
    @Test
    void theTableIsUpToDate() throws IOException {
        Path docs = Files.isDirectory(Path.of("docs")) ? Path.of("docs") : Path.of("..", "docs");
        assertThat(run("cpu", "table").out().lines().toList())
                .as("docs/cpu-models.md; make it anew with: nestbox cpu table > docs/cpu-models.md")
                .isEqualTo(Files.readAllLines(docs.resolve("cpu-models.md")));
    }

    @Test
    void listNamesEveryModelAndItsVersions() throws IOException {
        List<String> lines = run("cpu", "list").out().lines().toList();
        assertThat(lines).hasSize(CpuModels.names().size());
        assertThat(run("cpu", "list", "--all").out()).contains("Haswell-v4", "also Haswell-noTSX-IBRS");
        JsonNode json = new ObjectMapper().readTree(run("cpu", "list", "--json").out());
        assertThat(json).hasSize(lines.size());
        JsonNode haswell = json.get(CpuModels.names().indexOf("Haswell"));
        assertThat(haswell.get("vendor").asText()).isEqualTo("GenuineIntel");
        assertThat(haswell.get("physicalBits").asInt()).isEqualTo(39);
        assertThat(haswell.get("versions").get(1).get("alias").asText()).isEqualTo("Haswell-noTSX");
    }

    @Test
    void showSaysWhatIsHidden() {
        String out = run("cpu", "show", "Haswell").out();
        assertThat(out.lines().filter(line -> line.startsWith("hidden")).toList())
                .singleElement()
                .asString()
                .contains("hle", "rtm");
        assertThat(out).containsPattern("VMX: .*vmx-ept ").containsPattern("VMX hidden.*: ");
        assertThat(out).contains("MSR 0000048c: ", "MSR 0000008b: 0000000100000000");
        assertThat(run("cpu", "show", "Penryn").out()).doesNotContain("vmx-ept ", "MSR 0000048c");
        assertThat(run("cpu", "show", "EPYC").out()).doesNotContain("VMX");
    }

    @Test
    void diffIsEmptyForTheSameAndNamesWhatDiffers() {
        assertThat(run("cpu", "diff", "EPYC", "EPYC-v1").out().lines().toList()).hasSize(2);
        String out = run("cpu", "diff", "Penryn", "Nehalem,-popcnt").out();
        assertThat(out)
                .contains("- brand: Intel Core 2 Duo P9xxx", "+ features: sse4.2")
                .doesNotContain("popcnt");
        assertThat(out).containsPattern("\\+ VMX: .*vmx-ept");
        assertThat(run("cpu", "diff", "Haswell", "Haswell-noTSX").out()).contains("- features: (hle) (rtm)");
    }

    @Test
    void importWritesAModelThatCanBeUsed() throws IOException {
        Path dump = directory.resolve("dump.txt");
        CpuModel rome = CpuModel.parse("EPYC-Rome");
        StringBuilder text = new StringBuilder("CPU 0:\n");
        for (int first : new int[] {0, 0x80000000}) {
            for (int leaf = first; leaf <= rome.cpuid(first, 0)[0]; leaf++) {
                for (int subleaf = 0;
                        subleaf < (leaf == 0x8000001d ? 4 : leaf == 7 || leaf == 0xd ? 2 : 1);
                        subleaf++) {
                    int[] r = rome.cpuid(leaf, subleaf);
                    text.append(String.format(
                            "   0x%08x 0x%02x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x%n",
                            leaf, subleaf, r[0], r[1], r[2], r[3]));
                }
            }
        }
        Files.writeString(dump, text + "a line that nobody understands\n");
        Path model = directory.resolve("mine.cpu");
        Result result = run("cpu", "import", dump + ",-avx2", "--name", "Mine", "-o", model.toString());
        assertThat(result.code()).isZero();
        assertThat(result.err()).contains("Mine (AuthenticAMD)").contains("a line that nobody understands");
        CpuModel mine = CpuModel.parse("@" + model);
        assertThat(mine.name()).isEqualTo("Mine");
        assertThat(mine.has(Feature.AVX2)).isFalse();
        assertThat(mine.toBuilder().feature(Feature.AVX2, true).build().features())
                .isEqualTo(rome.features());
        assertThat(run("cpu", "import", model.toString()).out().lines().skip(1).toList())
                .isEqualTo(CpuModelText.lines(mine));
    }

    @Test
    void helpTellsOfFilesAndExitCodes() {
        assertThat(run("cpu", "--help").out())
                .contains("list", "show", "diff", "import", "table", "vmxcap", "Exit codes");
        assertThat(run("cpu", "import", "--help").out()).contains("--name", "InstLatX64");
    }
}
