package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lengths of random encodings against {@code objdump}, in every code size. */
class ObjdumpFuzzTest {
    private static final int SLOT = 32;
    private static final int RANDOM = 14;
    private static final int SAMPLES = 30_000;

    @TempDir
    private Path directory;

    private final Disassembler disassembler = new Disassembler(Vendor.AMD);

    @ParameterizedTest
    @CsvSource({"16, i8086", "32, i386", "64, x86-64"})
    void lengthsAgree(int codeSize, String machine) throws IOException {
        Objdump.assumeInstalled();
        byte[] code = samples(new Random(codeSize), codeSize);
        Path file = Files.write(directory.resolve("code"), code);
        String options = "intel," + machine;
        Process process = new ProcessBuilder(
                        "objdump", "-D", "-w", "-z", "-b", "binary", "-m", "i386", "-M", options, file.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        TreeMap<String, String> mismatches = new TreeMap<>();
        int compared = 0;
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                String[] columns = line.split("\t");
                if (columns.length < 3 || !columns[0].trim().matches("[0-9a-f]+:")) {
                    continue;
                }
                int at = Integer.parseInt(columns[0].trim().replace(":", ""), 16);
                if (at % SLOT != 0 || Objdump.isNoInstruction(columns[2]) || Objdump.isNotModelled(columns[2])) {
                    continue;
                }
                compared++;
                int length = columns[1].trim().split(" ").length;
                Insn in = disassembler.decode(code, at, at + 16, codeSize);
                boolean waits = Objdump.waitPrefix(Arrays.copyOfRange(code, at, at + length), columns[2]);
                String ours = Disassembler.text(in, 0);
                boolean named = in.form == null || Objdump.same(columns[2], Objdump.mnemonic(ours), in);
                if (!waits && (in.length != length || !named)) {
                    mismatches.put(columns[1].trim(), columns[2] + " / " + ours + " " + in.length);
                }
            }
        }
        assertThat(mismatches).isEmpty();
        assertThat(compared).isGreaterThan(SAMPLES / 3);
    }

    /** Random bytes, every second time behind an opcode escape, padded with NOPs so that objdump falls in step again. */
    private static byte[] samples(Random random, int codeSize) {
        List<byte[]> heads = List.of(
                new byte[] {0x0f},
                new byte[] {0x0f, 0x38},
                new byte[] {0x0f, 0x3a},
                new byte[] {0x66, 0x0f},
                new byte[] {(byte) 0xf3, 0x0f},
                new byte[] {(byte) 0xf2, 0x0f});
        byte[] code = new byte[SLOT * SAMPLES];
        Arrays.fill(code, (byte) 0x90);
        byte[] bytes = new byte[RANDOM];
        for (int i = 0; i < SAMPLES; i++) {
            random.nextBytes(bytes);
            if ((i & 1) != 0) {
                byte[] head = heads.get(random.nextInt(heads.size()));
                System.arraycopy(head, 0, bytes, 0, head.length);
            }
            System.arraycopy(bytes, 0, code, i * SLOT, RANDOM);
        }
        return code;
    }
}
