package nestbox.machine.bus;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PortBusTest {
    private final PortBus bus = new PortBus();
    private final List<String> accesses = new ArrayList<>();

    private PortHandler recorder(String name, long answer) {
        return new PortHandler() {
            @Override
            public long in(int port, int bytes) {
                accesses.add(String.format("%s in %x/%d", name, port, bytes));
                return answer;
            }

            @Override
            public void out(int port, int bytes, long value) {
                accesses.add(String.format("%s out %x/%d=%x", name, port, bytes, value));
            }
        };
    }

    @Test
    void absentPortsReadAsOnesAndIgnoreWrites() {
        bus.out(0x1234, 4, 5);
        assertThat(bus.in(0x1234, 1)).isEqualTo(0xff);
        assertThat(bus.in(0x1234, 2)).isEqualTo(0xffff);
        assertThat(bus.in(0x1234, 4)).isEqualTo(0xffffffffL);
    }

    @Test
    void wideAccessesToNarrowDevicesAreSplitInAscendingOrder() {
        bus.map(0x40, 4, 1, recorder("pit", 0x5a));
        assertThat(bus.in(0x40, 4)).isEqualTo(0x5a5a5a5aL);
        bus.out(0x41, 2, 0xbeef);
        assertThat(accesses)
                .containsExactly(
                        "pit in 40/1",
                        "pit in 41/1",
                        "pit in 42/1",
                        "pit in 43/1",
                        "pit out 41/1=ef",
                        "pit out 42/1=be");
    }

    @Test
    void anAccessBeyondTheDeviceReachesItWithThePartThatIsItsOwn() {
        bus.map(0xf4, 4, 4, recorder("exit", 0));
        bus.out(0xf6, 4, 0x11223344L);
        assertThat(accesses).containsExactly("exit out f6/2=3344");
    }

    @Test
    void theLastRegistrationLiesOnTopUntilItGoes() {
        PortHandler below = recorder("below", 1);
        PortHandler above = recorder("above", 2);
        bus.map(0xcf8, 8, 4, below);
        bus.map(0xcf9, 1, 1, above);
        assertThat(bus.in(0xcf9, 1)).isEqualTo(2);
        assertThat(bus.in(0xcfa, 1)).isEqualTo(1);
        bus.unmap(0xcf9, 1, above);
        assertThat(bus.in(0xcf9, 1)).isEqualTo(1);
    }

    @Test
    void portNumbersWrapAt64Ki() {
        bus.map(0, 1, 1, recorder("dma", 7));
        bus.map(0xffff, 1, 1, recorder("last", 9));
        assertThat(bus.in(0xffff, 2)).isEqualTo(0x0709);
    }
}
