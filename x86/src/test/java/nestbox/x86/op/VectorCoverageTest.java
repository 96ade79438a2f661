package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Form;
import nestbox.x86.insn.Insn;
import nestbox.x86.insn.InstructionTable;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/**
 * Every instruction of the table that user mode can execute has vectors recorded from a processor, or stands in
 * {@code left-out.txt} with the reason why it has none. The generators are {@code src/test/native/generate.py} and
 * {@code src/test/c/*.c}.
 */
class VectorCoverageTest {
    private static final int X87_RECORD = 52;
    private static final int SIMD_RECORD = 88;

    private final Decoder decoder64 = new Decoder(TestCpu.mode64().features);
    private final Decoder decoder32 = new Decoder(TestCpu.mode32().features);
    private final Set<String> covered = new HashSet<>();
    private final Set<Form> forms = new HashSet<>();
    /** Instructions with their operands as they were recorded, and how often. */
    private int templates;

    private int vectors;

    @Test
    void everyInstructionHasVectorsOrAReason(TestReporter report) throws IOException {
        integer("native64.txt", decoder64, 64);
        integer("native32.txt", decoder32, 32);
        records("x87.vectors.gz", X87_RECORD, 0, 2);
        records("simd.vectors.gz", SIMD_RECORD, 0, 7);
        hashed("isa.vectors.gz");
        report.publishEntry(Map.of(
                "forms", Integer.toString(templates),
                "vectors", Integer.toString(vectors),
                "rows of the table", Integer.toString(forms.size())));
        assertThat(templates).isGreaterThanOrEqualTo(1500);
        assertThat(vectors).isGreaterThanOrEqualTo(300_000);
        assertThat(forms.size()).as("rows of the table with vectors").isGreaterThan(1200);
        Set<String> missing = new TreeSet<>();
        for (Form form : InstructionTable.get().forms()) {
            if (!form.privileged() && !covered.contains(form.mnemonic())) {
                missing.add(form.mnemonic());
            }
        }
        Map<String, String> reasons = reasons();
        assertThat(reasons.keySet()).as("instructions without vectors").isEqualTo(missing);
        assertThat(reasons.values()).noneMatch(String::isBlank);
    }

    private void note(Decoder decoder, byte[] code, int mode) {
        int at = 0;
        while (at < code.length) {
            Insn in = decoder.decode(code, at, code.length, mode);
            if (in == null || in.form == null) {
                return;
            }
            covered.add(in.form.mnemonic());
            forms.add(in.form);
            at += in.length;
        }
    }

    /** Lines of hash, code and text; a template may have several instructions. */
    private void integer(String resource, Decoder decoder, int mode) throws IOException {
        for (String line : lines(resource)) {
            note(decoder, HexFormat.of().parseHex(line.split(" ", 3)[1]), mode);
            templates++;
            vectors += NativeVectorsTest.VECTORS;
        }
    }

    /** Records of a fixed size, with the code from {@code from} on. */
    private void records(String resource, int size, int from, int most) throws IOException {
        ByteArrayInputStream in = new ByteArrayInputStream(unzip(resource));
        Set<String> seen = new HashSet<>();
        byte[] record = new byte[size];
        while (in.readNBytes(record, 0, size) == size) {
            int length = size == SIMD_RECORD ? record[7] : most;
            byte[] code = Arrays.copyOf(Arrays.copyOfRange(record, from, from + length), length + 8);
            vectors++;
            if (seen.add(HexFormat.of().formatHex(code))) {
                templates++;
                note(decoder64, size == SIMD_RECORD ? Arrays.copyOf(code, length) : first(code), 64);
            }
        }
    }

    private byte[] first(byte[] code) {
        Insn in = decoder64.decode(code, 0, code.length, 64);
        return in == null ? code : Arrays.copyOf(code, in.length);
    }

    /** A header of two numbers; then each form's 16 bytes and its hashes. */
    private void hashed(String resource) throws IOException {
        byte[] all = unzip(resource);
        int count = word(all, 0);
        int inputs = word(all, 4);
        templates += count;
        vectors += count * inputs;
        for (int i = 0, at = 8; i < count; i++, at += 16 + inputs / 2) {
            note(decoder64, Arrays.copyOfRange(all, at + 3, at + 3 + all[at + 2]), 64);
        }
    }

    private static int word(byte[] bytes, int at) {
        return bytes[at] & 0xff | (bytes[at + 1] & 0xff) << 8 | (bytes[at + 2] & 0xff) << 16 | bytes[at + 3] << 24;
    }

    /** Lines of instructions, a colon and the reason. */
    private static Map<String, String> reasons() throws IOException {
        Map<String, String> reasons = new TreeMap<>();
        for (String line : lines("left-out.txt")) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                String[] parts = line.split(":", 2);
                for (String mnemonic : parts[0].trim().split(" +")) {
                    assertThat(reasons.put(mnemonic, parts[1])).as(mnemonic).isNull();
                }
            }
        }
        return reasons;
    }

    private static byte[] unzip(String resource) throws IOException {
        try (InputStream in = new GZIPInputStream(VectorCoverageTest.class.getResourceAsStream(resource))) {
            return in.readAllBytes();
        }
    }

    private static List<String> lines(String resource) throws IOException {
        try (InputStream in = VectorCoverageTest.class.getResourceAsStream(resource);
                BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        }
    }
}
