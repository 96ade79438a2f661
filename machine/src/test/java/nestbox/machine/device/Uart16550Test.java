package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import nestbox.machine.bus.RecordingBus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** PC16550D data sheet, "Registers". */
class Uart16550Test {
    private static final int BASE = 0x3f8;
    private static final int IER = BASE + 1;
    private static final int IIR = BASE + 2;
    private static final int LCR = BASE + 3;
    private static final int MCR = BASE + 4;
    private static final int LSR = BASE + 5;
    private static final int MSR = BASE + 6;

    private final RecordingBus bus = new RecordingBus();
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private boolean raised;
    private final Uart16550 uart = new Uart16550(BASE, 4, (line, level) -> raised = level, output);

    @BeforeEach
    void attach() {
        uart.attach(bus);
    }

    @Test
    void transmitsAndIsAlwaysReady() {
        bus.out8(BASE, 'h');
        bus.out8(BASE, 'i');
        assertThat(output).hasToString("hi");
        assertThat(bus.in8(LSR)).isEqualTo(0x60);
    }

    @Test
    void dlabSwitchesToTheDivisorLatch() {
        bus.out8(LCR, 0x83);
        bus.out8(BASE, 0x34);
        bus.out8(IER, 0x12);
        assertThat(bus.in8(BASE)).isEqualTo(0x34);
        assertThat(bus.in8(IER)).isEqualTo(0x12);
        bus.out8(LCR, 3);
        assertThat(bus.in8(IER)).isZero();
        assertThat(output.size()).isZero();
    }

    @Test
    void interruptsHaveThePriorityLineStatusReceiverTransmitterModem() {
        bus.out8(MCR, 8);
        bus.out8(IER, 0xf);
        assertThat(bus.in8(IIR)).isEqualTo(2);
        assertThat(bus.in8(IIR)).as("reading it acknowledges the transmitter").isEqualTo(1);
        assertThat(raised).isFalse();
        uart.receive('a');
        assertThat(raised).isTrue();
        assertThat(bus.in8(IIR)).isEqualTo(4);
        uart.receive('b');
        assertThat(bus.in8(IIR)).as("overrun").isEqualTo(6);
        assertThat(bus.in8(LSR)).isEqualTo(0x63);
        assertThat(bus.in8(BASE)).isEqualTo('b');
        assertThat(bus.in8(IIR)).isEqualTo(1);
    }

    @Test
    void fifoHoldsSixteenBytesAndTriggersAtItsLevel() {
        bus.out8(MCR, 8);
        bus.out8(IER, 1);
        bus.out8(IIR, 0x41);
        for (int i = 0; i < 3; i++) {
            uart.receive(i);
        }
        assertThat(bus.in8(IIR)).as("below the trigger level: timeout").isEqualTo(0xcc);
        uart.receive(3);
        assertThat(bus.in8(IIR)).isEqualTo(0xc4);
        for (int i = 4; i < 20; i++) {
            uart.receive(i);
        }
        assertThat(bus.in8(LSR) & 2).isEqualTo(2);
        for (int i = 0; i < 16; i++) {
            assertThat(bus.in8(BASE)).isEqualTo(i);
        }
        assertThat(bus.in8(LSR) & 1).isZero();
    }

    @Test
    void loopbackBringsBytesAndModemOutputsBack() {
        bus.out8(MCR, 0x1a);
        bus.out8(BASE, 0x5a);
        assertThat(output.size()).isZero();
        assertThat(bus.in8(BASE)).isEqualTo(0x5a);
        assertThat(bus.in8(MSR) & 0xf0).as("RTS and OUT2 as CTS and DCD").isEqualTo(0x90);
    }

    @Test
    void out2GatesTheInterruptLine() {
        bus.out8(IER, 2);
        assertThat(raised).isFalse();
        bus.out8(MCR, 8);
        assertThat(raised).isTrue();
    }
}
