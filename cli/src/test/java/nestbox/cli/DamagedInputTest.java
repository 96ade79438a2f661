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
import nestbox.core.Seed;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files and options with random damage: whatever the command makes of them, it is no internal error. {@code nestbox.damages} says how
 * many of each are tried.
 */
class DamagedInputTest {
    private static final int TRIES = Integer.getInteger("nestbox.damages", 20);
    private static final String ODD = "\0\t\n :=,+-@#[]{}'\"\\0123456789abcfx.~&*!|>%\u00e9\u2028";
    private static final String STATE = """
            fields:
              GUEST_CR0: 0x80000031
              Host CS selector: 8
              0x4000: 0x16
              CR3_TARGET_COUNT: 5
            state:
              GUEST_RFLAGS: 0x2
            memory:
              0x1000: 0x1234
            """;

    @TempDir
    private Path directory;

    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final PrintStream out = System.out;
    private final PrintStream err = System.err;
    private Seed random;

    @BeforeEach
    void listen() {
        PrintStream stream = new PrintStream(said, true, StandardCharsets.UTF_8);
        System.setOut(stream);
        System.setErr(stream);
    }

    @AfterEach
    void listenNoMore() {
        System.setOut(out);
        System.setErr(err);
    }

    private void run(String... args) {
        said.reset();
        int code = Main.execute(args, System.err);
        assertThat(code).as("%s: %s", List.of(args), said).isNotEqualTo(ExitCode.INTERNAL.code);
    }

    private byte[] damaged(byte[] good) {
        byte[] bad = good.clone();
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            int at = random.nextInt(bad.length);
            switch (random.nextInt(4)) {
                case 0 -> bad[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bad[at] = (byte) random.nextLong();
                case 2 -> bad[at] = (byte) ODD.charAt(random.nextInt(ODD.length()));
                default -> bad = cut(bad, at);
            }
        }
        return bad;
    }

    /** Without some bytes, or with some of them twice. */
    private byte[] cut(byte[] bytes, int at) {
        int length = Math.min(random.nextInt(20), bytes.length - at - 1);
        boolean twice = random.nextInt(2) == 0;
        ByteBuffer all = ByteBuffer.allocate(bytes.length + (twice ? length : -length));
        all.put(bytes, 0, at + (twice ? length : 0));
        int rest = at + (twice ? 0 : length);
        return all.put(bytes, rest, bytes.length - rest).array();
    }

    private String damaged(String good) {
        StringBuilder bad = new StringBuilder(good);
        for (int i = 1 + random.nextInt(3); i > 0 && bad.length() > 0; i--) {
            int at = random.nextInt(bad.length());
            char odd = ODD.charAt(random.nextInt(ODD.length()));
            switch (random.nextInt(3)) {
                case 0 -> bad.setCharAt(at, odd);
                case 1 -> bad.insert(at, odd);
                default -> bad.delete(at, Math.min(bad.length(), at + 1 + random.nextInt(4)));
            }
        }
        return bad.toString();
    }

    private String file(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("file"), bytes).toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"max", "EPYC", "Penryn"})
    void states(String cpu) throws IOException {
        random = new Seed(1);
        for (int i = 0; i < TRIES; i++) {
            String file = file(damaged(STATE.getBytes(StandardCharsets.UTF_8)));
            run("check", file, "--cpu", cpu, "--order", "shuffled:" + i);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"haswell.instlatx64.txt", "zen3.cpuid-r.txt", "m520.vmxcap.txt"})
    void processors(String name) throws IOException {
        random = new Seed(2);
        Path examples = Path.of(System.getProperty("nestbox.root"), "x86/src/test/resources/nestbox/x86/model/import");
        byte[] good = Files.readAllBytes(examples.resolve(name));
        for (int i = 0; i < TRIES; i++) {
            String file = file(damaged(good));
            run("cpu", "show", name.contains("vmxcap") ? "Skylake-Server,@" + file : "@" + file);
            run("cpu", "import", file, "-o", directory.resolve("model").toString());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "--cpu, 'max,+vmx,-pcid,level=5,xlevel=0x80000008'",
        "--guest-cpu, 'Skylake-Server-v4,+vmx,-vmx-ept'",
        "--tlb, lru:64",
        "--tlb, seeded:7",
        "--policy, root.keep=3",
        "--inject, 'msr-load=fail@2'",
        "--yield, 'slot-lookup=20@3'",
        "--yield, seeded:5",
        "--limit, 1000",
        "-m, 16M",
        "--smp, 2",
        "--block-size, 4",
        "--pause-cost, 3",
        "--seed, 5"
    })
    void options(String option, String value) throws IOException {
        random = new Seed(3);
        String image = file(flat());
        for (int i = 0; i < TRIES / 4; i++) {
            run("run", image, "--l0", "tdp", "--limit", "50", option, damaged(value));
        }
    }

    private static byte[] flat() {
        return Asm.assemble(32, 0x100000, """
                dd 0x1badb002, 0x10000, 0xe4514ffe, 0x100000, 0x100000, 0, 0, start
                start: mov eax, 1
                out 0xf4, al
                hlt
                """);
    }

    private static byte[] elf(boolean wide) {
        ByteBuffer elf = ByteBuffer.allocate(0x200).order(ByteOrder.LITTLE_ENDIAN);
        elf.putInt(0, 0x464c457f).put(4, (byte) (wide ? 2 : 1)).put(5, (byte) 1).put(6, (byte) 1);
        elf.putShort(16, (short) 2)
                .putShort(18, (short) (wide ? 62 : 3))
                .putInt(20, 1)
                .putInt(24, 0x100120);
        int header = wide ? 64 : 52;
        elf.putInt(wide ? 32 : 28, header);
        elf.putShort(wide ? 54 : 42, (short) (wide ? 56 : 32)).putShort(wide ? 56 : 44, (short) 1);
        elf.putInt(header, 1);
        long[] words = {0, 0x100000, 0x100000, 0x200, 0x1000};
        for (int i = 0; i < words.length; i++) {
            if (wide) {
                elf.putLong(header + 8 + 8 * i, words[i]);
            } else {
                elf.putInt(header + 4 + 4 * i, (int) words[i]);
            }
        }
        elf.putInt(0x100, 0x1badb002).putInt(0x108, 0xe4524ffe);
        elf.put(0x120, new byte[] {(byte) 0xe6, (byte) 0xf4, (byte) 0xf4});
        return elf.array();
    }

    private static byte[] kernel() {
        ByteBuffer kernel = ByteBuffer.allocate(0x800).order(ByteOrder.LITTLE_ENDIAN);
        kernel.put(0x1f1, (byte) 1)
                .putShort(0x1fe, (short) 0xaa55)
                .put(0x200, (byte) 0xeb)
                .put(0x201, (byte) 0x66);
        kernel.putInt(0x202, 0x53726448).putShort(0x206, (short) 0x20f).put(0x211, (byte) 1);
        kernel.putInt(0x22c, 0x7fffffff)
                .putInt(0x230, 0x200000)
                .put(0x234, (byte) 1)
                .putShort(0x236, (short) 1);
        kernel.putInt(0x238, 0x7ff).putLong(0x258, 0x200000).putInt(0x260, 0x10000);
        kernel.put(0x600, new byte[] {(byte) 0xe6, (byte) 0xf4, (byte) 0xf4});
        return kernel.array();
    }

    @Test
    void images() throws IOException {
        random = new Seed(4);
        List<byte[]> images = new ArrayList<>(List.of(flat(), elf(false), elf(true), kernel()));
        for (int i = 0; i < TRIES; i++) {
            String file = file(damaged(images.get(i % images.size())));
            run("run", file, "-m", "16M", "--limit", "200", "--cpu", "qemu64", "--initrd", file, "--append", "a b");
        }
    }
}
