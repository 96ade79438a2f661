package nestbox.machine.firmware;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ACPI Specification, "ACPI Software Programming Model". */
class AcpiTablesTest {
    private final AcpiTables tables = new AcpiTables(0x3fe0000, 4);

    private static int sum(byte[] table, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += table[i];
        }
        return sum & 0xff;
    }

    private static int u32(byte[] table, int at) {
        return table[at] & 0xff | (table[at + 1] & 0xff) << 8 | (table[at + 2] & 0xff) << 16 | table[at + 3] << 24;
    }

    @Test
    void everyTableHasItsLengthAndSumsToZero() {
        for (Map.Entry<String, byte[]> entry : tables.tables().entrySet()) {
            byte[] table = entry.getValue();
            assertThat(new String(table, 0, 4, java.nio.charset.StandardCharsets.US_ASCII))
                    .isEqualTo(entry.getKey());
            assertThat(u32(table, 4)).as(entry.getKey()).isEqualTo(table.length);
            if (!entry.getKey().equals("FACS")) {
                assertThat(sum(table, table.length)).as(entry.getKey()).isZero();
            }
        }
        byte[] root = tables.rootPointer();
        assertThat(sum(root, 20)).isZero();
        assertThat(sum(root, 36)).isZero();
    }

    @Test
    void fixedTablesHaveTheSizesOfTheSpecification() {
        assertThat(tables.tables().get("FACP")).hasSize(244);
        assertThat(tables.tables().get("FACS")).hasSize(64);
        assertThat(tables.tables().get("HPET")).hasSize(56);
        assertThat(tables.address("FACS") & 63).isZero();
        assertThat(u32(tables.tables().get("FACP"), 36)).isEqualTo((int) tables.address("FACS"));
        assertThat(u32(tables.tables().get("FACP"), 76)).as("PM timer").isEqualTo(0x608);
    }

    /** Intel's disassembler accepts the tables without a complaint; skipped where it is not installed. */
    @Test
    void iaslReadsThem(@TempDir Path directory) throws IOException, InterruptedException {
        boolean installed = Files.isExecutable(Path.of("/usr/bin/iasl"));
        if (!Boolean.getBoolean("nestbox.required")) {
            assumeThat(installed).as("iasl is installed").isTrue();
        }
        for (Map.Entry<String, byte[]> entry : tables.tables().entrySet()) {
            if (entry.getKey().endsWith("SDT") && !entry.getKey().equals("DSDT")) {
                continue;
            }
            Path file = directory.resolve(entry.getKey() + ".aml");
            Files.write(file, entry.getValue());
            Path log = directory.resolve("log");
            Process iasl = new ProcessBuilder("/usr/bin/iasl", "-d", file.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            assertThat(iasl.waitFor(30, TimeUnit.SECONDS)).isTrue();
            String said = Files.readString(log);
            assertThat(iasl.exitValue()).as(said).isZero();
            assertThat(said)
                    .as(entry.getKey())
                    .doesNotContainIgnoringCase("error")
                    .doesNotContainIgnoringCase("invalid");
        }
    }
}
