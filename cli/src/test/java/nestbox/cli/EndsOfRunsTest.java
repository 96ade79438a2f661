package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How runs end, through the command line: exit codes, and what is said about it in one line without a stack trace. */
class EndsOfRunsTest {
    private static final String HEADER =
            "dd 0x1badb002, 0x10000, 0xe4514ffe, 0x100000, 0x100000, 0, 0, start\nstart:\n";

    @TempDir
    Path directory;

    private record Result(int code, String err) {}

    /** Guest runs report to the process's own error stream, errors before a run to the one given. */
    private static Result run(String... args) {
        PrintStream before = System.err;
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
        try {
            System.setErr(stream);
            int code = Main.execute(args, stream);
            return new Result(code, err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setErr(before);
        }
    }

    private Path guest(String source) throws IOException {
        return Files.write(directory.resolve("guest"), Asm.assemble(32, 0x100000, HEADER + source));
    }

    private Result runGuest(String source, String... options) throws IOException {
        List<String> args = new ArrayList<>(List.of("run", guest(source).toString(), "-m", "16M"));
        args.addAll(List.of(options));
        return run(args.toArray(String[]::new));
    }

    @Test
    void aFeatureThatL0DoesNotShowIsWarnedOf() throws IOException {
        Result result = runGuest(
                "xor eax, eax\nout 0xf4, eax\nhlt",
                "--l0",
                "tdp",
                "--cpu",
                "Haswell,+vmx",
                "--guest-cpu",
                "Haswell,+rdseed");
        assertThat(result.err().lines())
                .contains("nestbox: warning: host doesn't support requested feature: CPUID.07H:EBX.rdseed [bit 18]");
    }

    private static void isClean(Result result) {
        assertThat(result.err())
                .startsWith("nestbox: ")
                .doesNotContain("Exception")
                .doesNotContain("\tat ");
        assertThat(result.err().lines().count()).isEqualTo(1);
    }

    private static final String NO_TABLE = "none: dw 0\ndd 0";

    @Test
    void aTripleFault() throws IOException {
        Result result = runGuest("lidt [none]\nud2\n" + NO_TABLE);
        isClean(result);
        assertThat(result.code()).isEqualTo(64);
        assertThat(result.err()).contains("triple fault", "0008:00100027", "bytes 0f 0b", "32-bit", "CPL 0");
    }

    @Test
    void aGuestThatSpins() throws IOException {
        Result result = runGuest("again: jmp again", "--limit", "5000");
        isClean(result);
        assertThat(result.code()).isEqualTo(68);
        assertThat(result.err()).contains("limit", "5,000 instructions");
    }

    @Test
    void aGuestThatHaltsForGood() throws IOException {
        Result result = runGuest("cli\nhlt");
        isClean(result);
        assertThat(result.code()).isEqualTo(66);
        assertThat(result.err()).contains("halted", "0008:");
    }

    @Test
    void whatIsNotImplemented() throws IOException {
        Result result = runGuest("mov ecx, 0xc0010000\nxor edx, edx\nmov eax, 0x430064\nwrmsr", "--cpu", "EPYC");
        isClean(result);
        assertThat(result.code()).isEqualTo(70);
        assertThat(result.err()).contains("performance event 064h", "0008:", "bytes 0f 30", "32-bit");
    }

    @Test
    void powerOff() throws IOException {
        String off = "mov dx, 0x8900\nmov esi, word1\nmov ecx, 8\nrep outsb\nhlt\nword1: db 'Shutdown'";
        assertThat(runGuest(off).code()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 3", "16, 33", "127, 255"})
    void theDebugExitDevice(int value, int code) throws IOException {
        assertThat(runGuest("mov eax, " + value + "\nout 0xf4, eax").code()).isEqualTo(code);
    }

    /** Every damaged image: the file, the place in it, the field. */
    @Test
    void badImages() throws IOException {
        byte[] good = Files.readAllBytes(guest("hlt"));
        refuses(new byte[0], "multiboot header");
        refuses(new byte[10_000], "multiboot header");
        refuses(with(good, 4, 4, -0x1badb006), "flags", "offset");
        refuses(with(good, 16, 0x7ff00000), "load_addr", "offset");
        refuses(with(good, 20, 0x200000), "load_end_addr", "offset");
        byte[] elf = new byte[0x200];
        ByteBuffer.wrap(elf)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(0, 0x464c457f)
                .put(4, (byte) 1)
                .put(5, (byte) 1);
        System.arraycopy(good, 0, elf, 0x100, 12);
        ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).putInt(0x104, 0).putInt(0x108, -0x1badb002);
        refuses(elf, "offset");
    }

    private static byte[] with(byte[] image, int offset, int... words) {
        ByteBuffer changed = ByteBuffer.wrap(image.clone()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < words.length; i++) {
            changed.putInt(offset + 4 * i, words[i]);
        }
        return changed.array();
    }

    private void refuses(byte[] image, String... words) throws IOException {
        Path file = Files.write(directory.resolve("bad"), image);
        Result result = run("run", file.toString());
        isClean(result);
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains(file.toString()).contains(words);
    }

    @Test
    void badOptions() throws IOException {
        String file = guest("hlt").toString();
        String[][] rows = {
            {"--policy", "kvm"},
            {"--inject", "hardware=vmfail"},
            {"--guest-cpu", "max"},
            {"--l0", "tpd"},
            {"--tlb", "lru:0"},
            {"--tlb", "lru:x"},
            {"--tlb", "seeded:"},
            {"--tlb", "keep:1"},
            {"--smp", "0"},
            {"-m", "0"},
            {"-m", "12Q"},
            {"--limit", "-5"},
            {"--seed", "x"},
            {"--block-size", "0"},
            {"--trace", directory.resolve("no/such/place").toString()},
            {"--initrd", directory.resolve("nothing").toString()},
            {"--cpu", ""},
            {"--cpu", "max,+"},
            {"--cpu", "max,phys-bits=99"},
            {"--cpu", "max,vendor=Cyrix"},
            {"--cpu", "max,+vmx,+svm"},
        };
        for (String[] row : rows) {
            Result result = run("run", file, row[0], row[1]);
            assertThat(result.code()).as("%s %s", row[0], row[1]).isEqualTo(2);
            isClean(result);
        }
    }

    /** A laboratory that cannot be is refused with all reasons. */
    @Test
    void contradictoryOptions() throws IOException {
        Result refused = runGuest(
                "hlt", "--l0", "tdp", "--cpu", "EPYC", "--guest-cpu", "Nehalem", "--smp", "0", "--inject", "mmu=later");
        isClean(refused);
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err()).contains("guestCpu of INTEL", "0 processors", "inject mmu=later");
    }

    /** A refusal by the names of the options, and why. */
    @Test
    void nestedRunsHaveOneProcessor() {
        for (String[] more : new String[][] {{"--smp", "2"}, {"--yield", "sync-entry=40"}}) {
            Result refused = run("differential", "--nested", "tdp", "--steps", "1", more[0], more[1]);
            isClean(refused);
            assertThat(refused.code()).isEqualTo(2);
            assertThat(refused.err())
                    .contains("--nested with --smp or --yield", "not implemented", "one processor's order");
        }
    }

    /** All reasons at once; unchecked builds it all the same. */
    @Test
    void contradictoryModels() throws IOException {
        String file = guest("mov eax, 3\nout 0xf4, eax").toString();
        Result refused = run("run", file, "--cpu", "qemu64,-pae,+pae,-sse,+avx,-apic,+x2apic");
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err().lines().count()).as("a line for each reason").isGreaterThan(2);
        assertThat(refused.err()).doesNotContain("Exception").contains("avx", "x2apic", "SDM");
        assertThat(run("run", file, "--cpu", "qemu64,-sse,+avx,-apic,+x2apic,unchecked")
                        .code())
                .isEqualTo(7);
        assertThat(run("run", file, "--cpu", "qemu64,-pcid,+invpcid").code())
                .as("permitted")
                .isEqualTo(7);
    }

    @Test
    void traceHashesDependOnNeitherEngineNorBlockSize() throws IOException {
        String source = "mov ecx, 50\nagain: mov dx, 0xe0\nout dx, eax\ndec ecx\njnz again\nmov eax, 3\nout 0xf4, eax";
        List<String> hashes = new ArrayList<>();
        for (String[] options :
                new String[][] {{"--block-size", "1"}, {"--block-size", "64"}, {"--engine", "reference"}}) {
            Result result = runGuest(source, "--trace-hash", options[0], options[1]);
            hashes.add(result.err()
                    .lines()
                    .filter(line -> line.contains("trace"))
                    .findFirst()
                    .orElseThrow());
        }
        assertThat(hashes.get(0)).containsPattern("[0-9a-f]{64}").contains("events");
        assertThat(hashes).containsOnly(hashes.get(0));
    }

    @Test
    void tracesAreTextOrJson() throws IOException {
        Path text = directory.resolve("t.txt");
        Path json = directory.resolve("t.jsonl");
        runGuest("mov eax, 3\nout 0xf4, eax", "--trace", text.toString());
        runGuest("mov eax, 3\nout 0xf4, eax", "--trace", json.toString());
        assertThat(Files.readString(text)).contains("port");
        assertThat(Files.readAllLines(json)).isNotEmpty().allMatch(line -> line.startsWith("{") && line.endsWith("}"));
    }
}
