package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.machine.bus.RecordingBus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device". */
class FwCfgTest {
    private final RecordingBus bus = new RecordingBus();
    private final FwCfg device = new FwCfg(0x1_4000_0000L, 5);

    @BeforeEach
    void attach() {
        device.attach(bus);
    }

    private void select(int item) {
        bus.ports.out(0x510, 2, item);
    }

    private long number(int item, int bytes) {
        select(item);
        return number(bytes);
    }

    private long number(int bytes) {
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) bus.in8(0x511) << 8 * i;
        }
        return value;
    }

    @Test
    void signatureAndInterface() {
        assertThat(number(0, 4)).as("QEMU").isEqualTo(0x554d4551);
        assertThat(number(1, 4)).as("the port interface, no DMA").isEqualTo(1);
    }

    @Test
    void sizesAndCounts() {
        assertThat(number(3, 8)).isEqualTo(0x1_4000_0000L);
        assertThat(number(5, 2)).as("processors").isEqualTo(5);
        assertThat(number(0xf, 2)).as("at most").isEqualTo(5);
        assertThat(number(4, 2)).as("no display").isEqualTo(1);
        assertThat(number(0x19, 4)).as("no files").isZero();
    }

    @Test
    void behindTheEndThereAreZeros() {
        number(5, 2);
        assertThat(number(8)).isZero();
        assertThat(number(0x7777, 4)).as("no such item").isZero();
    }

    @Test
    void selectingStartsOver() {
        select(0);
        number(2);
        assertThat(number(0, 2)).isEqualTo(0x4551);
        assertThat(bus.ports.in(0x510, 2)).isZero();
    }

    @Test
    void itemsAreReadOnly() {
        select(0);
        bus.out8(0x511, 0x55);
        assertThat(number(0, 4)).isEqualTo(0x554d4551);
    }

    @Test
    void theOffsetIsState() {
        select(0);
        number(1);
        StateWriter out = new StateWriter();
        device.save(out);
        number(3, 3);
        device.restore(new StateReader(out.toByteArray()));
        assertThat(number(3)).isEqualTo(0x554d45);
    }
}
