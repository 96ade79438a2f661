package nestbox.machine.bus;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.x86.Cpu;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;

class AbsentPortsTest {
    @Test
    void rowsAscendWithoutOverlap() {
        int before = -1;
        for (AbsentPorts row : AbsentPorts.values()) {
            assertThat(row.first()).as(row.name()).isGreaterThan(before);
            assertThat(row.last()).as(row.name()).isGreaterThanOrEqualTo(row.first());
            assertThat(row.part()).isNotBlank();
            assertThat(row.reason()).isNotBlank();
            before = row.last();
        }
    }

    /** No device of the machine is at a listed port, which reads as ones whatever was written. */
    @Test
    void nothingAnswers() {
        Machine machine = new Machine(
                MachineConfig.builder(CpuModel.parse("max")).screen(true).build());
        Cpu cpu = machine.cpu(0);
        for (AbsentPorts row : AbsentPorts.values()) {
            for (int port = row.first(); port <= row.last(); port++) {
                assertThat(AbsentPorts.has(port)).isTrue();
                assertThat(machine.board().decodesPort(port))
                        .as("port %x", port)
                        .isFalse();
                cpu.platform.portOut(port, 1, 0x5a);
                assertThat(cpu.platform.portIn(port, 1)).as("port %x", port).isEqualTo(0xff);
            }
        }
        assertThat(AbsentPorts.has(0x60)).isFalse();
        assertThat(AbsentPorts.has(0x3f8)).isFalse();
    }
}
