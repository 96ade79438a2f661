package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceEvents;
import nestbox.core.trace.TraceSink;
import nestbox.machine.bus.AbsentPorts;
import nestbox.machine.load.ImageFile;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SeaBIOS as Debian's package seabios has it; skipped where that is not installed, unless nestbox.required says that it must be. */
class FirmwareTest {
    private static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");

    /** On AMD models through SMM, which SeaBIOS sets up; on Intel models it is told that SMM is taken. */
    @ParameterizedTest
    @ValueSource(strings = {"EPYC", "max"})
    void seaBiosFindsNothingToBoot(String model) {
        if (!Boolean.getBoolean("nestbox.required")) {
            assumeThat(Files.isReadable(SEABIOS))
                    .as("package seabios is installed")
                    .isTrue();
        }
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        MachineConfig config = MachineConfig.builder(CpuModel.parse(model))
                .memoryBytes(64 << 20)
                .debugConsole(console)
                .serial(serial)
                .build();
        Machine machine = new Machine(config);
        Set<Integer> ports = new TreeSet<>();
        machine.trace().addSink(portsTo(ports));
        machine.load(ImageFile.open(SEABIOS), "", List.of());
        for (int i = 0; i < 100 && !text(serial).contains("Retrying"); i++) {
            assertThat(machine.run(500_000).kind()).as(text(console)).isEqualTo(Outcome.Kind.LIMIT);
        }
        assertThat(text(serial)).contains("No bootable device.");
        assertThat(text(console)).contains("PCI: init bdf=00:01.3 id=8086:7113").contains("All threads complete.");
        assertThat(text(console)).doesNotContain("internal error");
        assertThat(ports).as("ports that the firmware tries").hasSizeGreaterThan(20);
        ports.removeIf(machine.board()::decodesPort);
        assertThat(ports).as("without a device").isNotEmpty().allMatch(AbsentPorts::has, "is one of AbsentPorts");
    }

    private static TraceSink portsTo(Set<Integer> ports) {
        return new TraceSink() {
            @Override
            public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
                if (type == TraceEvents.PORT_READ || type == TraceEvents.PORT_WRITE) {
                    ports.add((int) values[0]);
                }
            }

            @Override
            public void close() {
                // Nothing is buffered.
            }
        };
    }

    private static String text(ByteArrayOutputStream stream) {
        return stream.toString(StandardCharsets.ISO_8859_1);
    }
}
