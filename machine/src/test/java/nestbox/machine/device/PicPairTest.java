package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.bus.RecordingBus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Intel 8259A data sheet. */
class PicPairTest {
    private final RecordingBus bus = new RecordingBus();
    private boolean intr;
    private final PicPair pic = new PicPair((line, raised) -> intr = raised);

    @BeforeEach
    void setUp() {
        pic.attach(bus);
        pic.setUpByFirmware();
        bus.out8(0x21, 0);
        bus.out8(0xa1, 0);
    }

    private void pulse(int line) {
        pic.setLine(line, true);
        pic.setLine(line, false);
    }

    @Test
    void aRaisedEdgeInputInterruptsOnceWithItsVector() {
        pic.setLine(4, true);
        assertThat(intr).isTrue();
        assertThat(pic.acknowledge()).isEqualTo(0x0c);
        assertThat(intr).isFalse();
        bus.out8(0x20, 0x20);
        assertThat(intr).as("the edge is used up").isFalse();
    }

    @Test
    void higherPrioritiesNestAndLowerOnesWait() {
        pic.setLine(4, true);
        pic.acknowledge();
        pic.setLine(5, true);
        assertThat(intr).isFalse();
        pic.setLine(1, true);
        assertThat(intr).isTrue();
        assertThat(pic.acknowledge()).isEqualTo(9);
        bus.out8(0x20, 0x20);
        assertThat(intr).as("4 still in service").isFalse();
        bus.out8(0x20, 0x20);
        assertThat(pic.acknowledge()).isEqualTo(0xd);
    }

    @Test
    void theSecondControllerComesThroughInput2() {
        pic.setLine(12, true);
        assertThat(pic.acknowledge()).isEqualTo(0x74);
        bus.out8(0x20, 0x0b);
        assertThat(bus.in8(0x20)).isEqualTo(4);
        bus.out8(0xa0, 0x0b);
        assertThat(bus.in8(0xa0)).isEqualTo(0x10);
    }

    @Test
    void aRequestThatGoesAwayIsSpurious() {
        pulse(3);
        assertThat(intr).isFalse();
        assertThat(pic.acknowledge()).isEqualTo(0xf);
        bus.out8(0x20, 0x0b);
        assertThat(bus.in8(0x20)).as("nothing in service").isZero();
    }

    @Test
    void masksHoldBackAndReadBack() {
        bus.out8(0x21, 0x10);
        pic.setLine(4, true);
        assertThat(intr).isFalse();
        assertThat(bus.in8(0x21)).isEqualTo(0x10);
        bus.out8(0x21, 0);
        assertThat(intr).isTrue();
    }

    @Test
    void levelInputsInterruptAgainWhileRaised() {
        bus.out8(0x4d1, 0x08);
        assertThat(bus.in8(0x4d1)).isEqualTo(8);
        pic.setLine(11, true);
        assertThat(pic.acknowledge()).isEqualTo(0x73);
        bus.out8(0xa0, 0x20);
        bus.out8(0x20, 0x20);
        assertThat(intr).isTrue();
        pic.setLine(11, false);
        assertThat(intr).isFalse();
    }

    @Test
    void rotationGivesTheServedInputTheLowestPriority() {
        pic.setLine(0, true);
        pic.acknowledge();
        bus.out8(0x20, 0xa0);
        pic.setLine(0, false);
        pic.setLine(0, true);
        pic.setLine(7, true);
        assertThat(pic.acknowledge()).isEqualTo(0xf);
    }

    @Test
    void pollingAcknowledges() {
        pic.setLine(5, true);
        bus.out8(0x20, 0x0c);
        assertThat(bus.in8(0x20)).isEqualTo(0x85);
        assertThat(intr).isFalse();
        bus.out8(0x20, 0x0c);
        assertThat(bus.in8(0x20)).isZero();
    }
}
