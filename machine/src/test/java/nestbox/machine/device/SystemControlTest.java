package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.machine.bus.RecordingBus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Port 92h (IBM PS/2 technical reference), the Intel 8042 of a PC/AT, the reset control register of the 82371SB. */
class SystemControlTest {
    private final RecordingBus bus = new RecordingBus();
    private final List<String> actions = new ArrayList<>();
    private final SystemControl control = new SystemControl(new SystemControl.Actions() {
        @Override
        public void softReset() {
            actions.add("init");
        }

        @Override
        public void hardReset() {
            actions.add("reset");
        }

        @Override
        public void powerOff() {
            actions.add("off");
        }

        @Override
        public void setA20(boolean open) {
            actions.add(open ? "a20 open" : "a20 closed");
        }
    });

    @BeforeEach
    void attach() {
        control.attach(bus);
    }

    private void command(int value) {
        bus.out8(0x64, value);
    }

    private int answer() {
        assertThat(bus.in8(0x64) & 1).as("output buffer full").isEqualTo(1);
        return bus.in8(0x60);
    }

    @Test
    void port92GatesA20AndPulsesInitOnARisingBit() {
        assertThat(bus.in8(0x92)).as("open after reset").isEqualTo(2);
        bus.out8(0x92, 0);
        bus.out8(0x92, 3);
        bus.out8(0x92, 3);
        bus.out8(0x92, 2);
        assertThat(actions).containsExactly("a20 closed", "a20 open", "init", "a20 open", "a20 open");
    }

    @Test
    void theOutputPortGatesTheSameLine() {
        command(0xd1);
        bus.out8(0x60, 0xdd);
        assertThat(actions).containsExactly("a20 closed");
        assertThat(bus.in8(0x92) & 2).isZero();
        command(0xd0);
        assertThat(answer() & 3).isEqualTo(1);
        command(0xd1);
        bus.out8(0x60, 0xde);
        assertThat(actions).containsExactly("a20 closed", "a20 open", "init");
    }

    @Test
    void controllerCommands() {
        command(0xaa);
        assertThat(answer()).as("self test").isEqualTo(0x55);
        command(0xab);
        assertThat(answer()).as("interface test").isZero();
        command(0x60);
        bus.out8(0x60, 0x47);
        command(0x20);
        assertThat(answer()).as("command byte").isEqualTo(0x47);
        command(0xd2);
        bus.out8(0x60, 0x5a);
        assertThat(answer()).as("as if the keyboard had sent it").isEqualTo(0x5a);
        assertThat(bus.in8(0x64) & 1).isZero();
        command(0xfe);
        assertThat(actions).containsExactly("init");
    }

    @Test
    void theKeyboardAnswers() {
        bus.out8(0x60, 0xff);
        assertThat(answer()).isEqualTo(0xfa);
        assertThat(answer()).as("self test passed").isEqualTo(0xaa);
        bus.out8(0x60, 0xf2);
        assertThat(List.of(answer(), answer(), answer())).as("identification").containsExactly(0xfa, 0xab, 0x83);
        assertThat(bus.in8(0x64) & 1).isZero();
    }

    @Test
    void resetControlActsOnARisingBit() {
        control.writeResetControl(2);
        assertThat(actions).isEmpty();
        control.writeResetControl(6);
        control.writeResetControl(0);
        control.writeResetControl(4);
        assertThat(actions).containsExactly("reset", "init");
        assertThat(control.resetControl()).isZero();
    }

    @Test
    void theWordShutdownTurnsOff() {
        "ShutShutdown".chars().forEach(c -> bus.out8(0x8900, c));
        assertThat(actions).containsExactly("off");
        "Shutdow!n".chars().forEach(c -> bus.out8(0x8900, c));
        assertThat(actions).containsExactly("off");
    }

    @Test
    void postCodesReadBack() {
        bus.out8(0x80, 0x3c);
        assertThat(bus.in8(0x80)).isEqualTo(0x3c);
    }

    @Test
    void resetOpensA20AndForgetsCommands() {
        bus.out8(0x92, 0);
        command(0xd1);
        actions.clear();
        control.reset();
        assertThat(actions).containsExactly("a20 open");
        bus.out8(0x60, 0xff);
        assertThat(answer()).as("to the keyboard again").isEqualTo(0xfa);
    }

    @Test
    void stateIsSavedAndRestored() {
        bus.out8(0x60, 0xff);
        bus.in8(0x60);
        control.writeResetControl(2);
        StateWriter out = new StateWriter();
        control.save(out);
        control.reset();
        control.restore(new StateReader(out.toByteArray()));
        assertThat(answer()).isEqualTo(0xaa);
        assertThat(control.resetControl()).isEqualTo(2);
    }

    @Test
    void aRestoredGateIsAsItWas() {
        bus.out8(0x92, 0);
        StateWriter out = new StateWriter();
        control.save(out);
        control.reset();
        actions.clear();
        control.restore(new StateReader(out.toByteArray()));
        assertThat(actions).containsExactly("a20 closed");
    }
}
