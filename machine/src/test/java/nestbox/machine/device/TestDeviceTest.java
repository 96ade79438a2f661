package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.machine.bus.RecordingBus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** QEMU's pc-testdev, as its users see it. */
class TestDeviceTest {
    private final RecordingBus bus = new RecordingBus();
    private final List<String> lines = new ArrayList<>();
    private final TestDevice device = new TestDevice((line, raised) -> lines.add(line + (raised ? " up" : " down")));

    @BeforeEach
    void attach() {
        device.attach(bus);
    }

    @Test
    void scratchRegisterInAllWidths() {
        bus.ports.out(0xe0, 4, 0x11223344);
        assertThat(bus.ports.in(0xe0, 4)).isEqualTo(0x11223344);
        bus.ports.out(0xe0, 1, 0x55);
        assertThat(bus.ports.in(0xe0, 2)).isEqualTo(0x3355);
        bus.ports.out(0xe0, 2, 0x6677);
        assertThat(bus.ports.in(0xe0, 4)).isEqualTo(0x11226677);
        bus.out8(0xe8, 0x99);
        assertThat(bus.in8(0xe0)).isEqualTo(0x99);
        assertThat(bus.in8(0xe8)).isEqualTo(0x99);
    }

    @Test
    void aPortForEveryLine() {
        bus.out8(0x2000, 1);
        bus.out8(0x2017, 1);
        bus.out8(0x2017, 0);
        assertThat(lines).containsExactly("0 up", "23 up", "23 down");
        assertThat(bus.in8(0x2000)).isEqualTo(1);
        assertThat(bus.in8(0x2017)).isZero();
        assertThat(bus.in8(0x2018)).as("no such line").isEqualTo(0xff);
    }

    @Test
    void memoryInAllWidths() {
        device.write(0x10, 8, 0x1122334455667788L);
        assertThat(device.read(0x14, 4)).isEqualTo(0x11223344);
        device.write(0x11, 1, 0xaa);
        assertThat(device.read(0x10, 2)).isEqualTo(0xaa88);
        assertThat(device.read(0xfff8, 8)).isZero();
    }

    @Test
    void flushReadsAsZero() {
        bus.ports.out(0xe4, 4, 0x1000);
        assertThat(bus.ports.in(0xe4, 4)).isZero();
    }

    @Test
    void stateIsSavedAndRestored() {
        bus.ports.out(0xe0, 4, 7);
        bus.out8(0x2003, 1);
        device.write(4, 4, 9);
        StateWriter out = new StateWriter();
        device.save(out);
        TestDevice other = new TestDevice((line, raised) -> {});
        other.restore(new StateReader(out.toByteArray()));
        RecordingBus otherBus = new RecordingBus();
        other.attach(otherBus);
        assertThat(otherBus.ports.in(0xe0, 4)).isEqualTo(7);
        assertThat(otherBus.in8(0x2003)).isEqualTo(1);
        assertThat(other.read(4, 4)).isEqualTo(9);
    }
}
