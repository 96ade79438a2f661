package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import nestbox.machine.load.ImageFile;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian's kernel with busybox as its first process, which prints, runs a few commands and powers off. Three quarters of its six
 * thousand million instructions unpack the kernel (66 MB, LZMA).
 */
class DebianKernelTest {
    private static final long LIMIT = 20_000_000_000L;

    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox echo "nestbox: init runs"
            /bin/busybox uname -m
            /bin/busybox mount -t proc none /proc
            /bin/busybox cat /proc/version
            /bin/busybox echo answer=$((6*7))
            /bin/busybox seq 1 1000 | /bin/busybox sha256sum
            /bin/busybox poweroff -f
            """;

    @Test
    void printsRunsCommandsAndPowersOff(@TempDir Path directory, TestReporter report) throws Exception {
        Path kernel = DebianPackages.find("linux-image", "boot", "vmlinuz-*");
        ImageFile initrd = ImageFile.open(initialRamDisk(directory));
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Machine machine = new Machine(MachineConfig.builder(CpuModel.parse("max"))
                .memoryBytes(256 << 20)
                .serial(serial)
                .build());
        machine.load(ImageFile.open(kernel), "console=ttyS0 panic=-1", List.of(initrd));
        long start = System.nanoTime();
        Outcome outcome = machine.run(LIMIT);
        report.publishEntry("instructions", Long.toString(machine.retired()));
        report.publishEntry("seconds", Long.toString((System.nanoTime() - start) / 1_000_000_000L));
        String text = serial.toString(StandardCharsets.ISO_8859_1);
        assertThat(outcome.kind()).as(text).isEqualTo(Outcome.Kind.POWER_OFF);
        assertThat(text)
                .contains("nestbox: init runs", "x86_64", "Debian", "answer=42", digest(), "reboot: Power down")
                .doesNotContain("Kernel panic", "Oops", "BUG:");
    }

    private static Path initialRamDisk(Path directory) throws IOException {
        byte[] busybox = Files.readAllBytes(busybox());
        byte[] archive = new InitialRamDisk()
                .directory("dev")
                .directory("proc")
                .directory("bin")
                .characterDevice("dev/console", 5, 1)
                .program("bin/busybox", busybox)
                .program("init", INIT.getBytes(StandardCharsets.US_ASCII))
                .finish();
        return Files.write(directory.resolve("initrd"), archive);
    }

    private static Path busybox() {
        return DebianPackages.find("busybox-static", "bin", "busybox");
    }

    /** What busybox must make of the numbers to 1000. */
    private static String digest() throws Exception {
        String numbers = IntStream.rangeClosed(1, 1000).mapToObj(i -> i + "\n").collect(Collectors.joining());
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(numbers.getBytes(StandardCharsets.US_ASCII));
        return HexFormat.of().formatHex(hash);
    }
}
