package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lengths and mnemonics against {@code objdump} over whole system libraries: a judge that shares nothing with the table. */
class ObjdumpTest {
    private final Disassembler disassembler = new Disassembler(Vendor.AMD);
    private final Map<String, Integer> lengths = new TreeMap<>();
    private final Map<String, Integer> mnemonics = new TreeMap<>();

    @ParameterizedTest
    @CsvSource({
        "64, /lib/x86_64-linux-gnu/libc.so.6, 300000",
        "64, /lib64/ld-linux-x86-64.so.2, 20000",
        "64, /lib/x86_64-linux-gnu/libm.so.6, 100000",
        "64, /usr/lib/x86_64-linux-gnu/libcrypto.so.3, 500000",
        "64, /usr/lib/x86_64-linux-gnu/libstdc++.so.6, 200000",
        "32, /usr/lib32/libc.so.6, 300000",
        "32, /usr/lib32/libm.so.6, 30000",
    })
    void agreesOverAWholeLibrary(int codeSize, String library, int atLeast) throws IOException {
        Objdump.assumeInstalled();
        boolean everywhere = library.endsWith("libc.so.6") && codeSize == 64;
        Assumptions.assumeTrue(everywhere || Files.exists(Path.of(library)), library + " is not installed");
        int count = compare(codeSize, library);
        assertThat(lengths).as("length mismatches").isEmpty();
        assertThat(mnemonics).as("mnemonic mismatches: objdump's, ours").isEmpty();
        assertThat(count).as("instructions compared").isGreaterThan(atLeast);
    }

    private int compare(int codeSize, String library) throws IOException {
        Process process = new ProcessBuilder("objdump", "-d", "-w", "-M", "intel", library)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        int count = 0;
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            Map<String, Boolean> seen = new HashMap<>();
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                String[] columns = line.split("\t");
                if (columns.length < 3) {
                    continue;
                }
                count++;
                if (seen.put(columns[1], true) == null) {
                    check(codeSize, columns[1].trim(), columns[2].trim());
                }
            }
        } finally {
            process.destroy();
        }
        return count;
    }

    private void check(int codeSize, String hex, String theirs) {
        String[] digits = hex.split(" ");
        byte[] code = new byte[digits.length];
        for (int i = 0; i < code.length; i++) {
            code[i] = (byte) Integer.parseInt(digits[i], 16);
        }
        if (Objdump.isNoInstruction(theirs)) {
            return;
        }
        int from = 0;
        if (Objdump.waitPrefix(code, theirs)) {
            from = 1;
        }
        Insn in = disassembler.decode(code, from, code.length, codeSize);
        if (in == null || in.length != code.length - from) {
            lengths.put(hex + " " + theirs, in == null ? -1 : in.length);
            return;
        }
        String ours = in.form == null ? "(bad)" : Disassembler.text(in, 0);
        if (!Objdump.same(theirs, Objdump.mnemonic(ours), in)) {
            mnemonics.merge(theirs + " / " + ours + " / " + hex, 1, Integer::sum);
        }
    }
}
