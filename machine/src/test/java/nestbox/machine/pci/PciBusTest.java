package nestbox.machine.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.machine.bus.RecordingBus;
import nestbox.machine.device.SystemControl;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** PCI Local Bus Specification, "Configuration Mechanism #1"; Intel 82441FX and 82371AB data sheets. */
class PciBusTest {
    private final RecordingBus bus = new RecordingBus();
    private final SystemControl.Actions actions = mock(SystemControl.Actions.class);
    private final List<String> told = new ArrayList<>();
    private final PciBus pci = new PciBus(new SystemControl(actions), new PciBus.HostBridgeListener() {
        @Override
        public void attributeMap(int offset, int value) {
            told.add(String.format("pam %x=%x", offset, value));
        }

        @Override
        public void smram(int value) {
            told.add(String.format("smram %x", value));
        }

        @Override
        public void powerManagementBase(int port) {
            told.add(String.format("pm %x", port));
        }
    });

    @BeforeEach
    void attach() {
        pci.attach(bus);
    }

    private void select(int device, int function, int offset) {
        bus.ports.out(0xcf8, 4, 0x80000000L | device << 11 | function << 8 | offset);
    }

    private long read(int device, int function, int offset, int bytes) {
        select(device, function, offset & ~3);
        return bus.ports.in(0xcfc + (offset & 3), bytes);
    }

    private void write(int device, int function, int offset, int bytes, long value) {
        select(device, function, offset & ~3);
        bus.ports.out(0xcfc + (offset & 3), bytes, value);
    }

    @Test
    void theFunctionsOfTheBoard() {
        assertThat(read(0, 0, 0, 4)).as("82441FX").isEqualTo(0x12378086L);
        assertThat(read(1, 0, 0, 4)).as("82371SB").isEqualTo(0x70008086L);
        assertThat(read(1, 3, 0, 4)).as("82371AB power management").isEqualTo(0x71138086L);
        assertThat(read(0, 0, 8, 4) >>> 8).as("host bridge").isEqualTo(0x060000);
        assertThat(read(1, 0, 8, 4) >>> 8).as("ISA bridge").isEqualTo(0x060100);
        assertThat(read(1, 0, 0xe, 1)).as("several functions").isEqualTo(0x80);
    }

    @Test
    void absentFunctionsReadAsOnes() {
        assertThat(read(2, 0, 0, 4)).isEqualTo(0xffffffffL);
        assertThat(read(1, 1, 0, 2)).isEqualTo(0xffff);
        bus.ports.out(0xcf8, 4, 0x80010000L);
        assertThat(bus.ports.in(0xcfc, 4)).as("another bus").isEqualTo(0xffffffffL);
        bus.ports.out(0xcf8, 4, 0);
        assertThat(bus.ports.in(0xcfc, 4)).as("not enabled").isEqualTo(0xffffffffL);
        write(2, 0, 4, 2, 7);
        assertThat(told).isEmpty();
    }

    @Test
    void theAddressPortTakesDoublewordsOnly() {
        select(1, 3, 0x40);
        assertThat(bus.ports.in(0xcf8, 4)).isEqualTo(0x80000b40L);
        bus.ports.out(0xcf8, 1, 0);
        bus.ports.out(0xcf8, 2, 0);
        assertThat(bus.ports.in(0xcf8, 4)).isEqualTo(0x80000b40L);
        bus.ports.out(0xcf8, 4, 0xffffffffL);
        assertThat(bus.ports.in(0xcf8, 4)).as("reserved bits read as zeros").isEqualTo(0x80fffffcL);
    }

    @Test
    void bytesAndWordsOfTheDataPort() {
        assertThat(read(0, 0, 0, 1)).isEqualTo(0x86);
        assertThat(read(0, 0, 1, 1)).isEqualTo(0x80);
        assertThat(read(0, 0, 2, 2)).isEqualTo(0x1237);
        write(1, 0, 0x61, 1, 0x0b);
        assertThat(read(1, 0, 0x60, 4)).as("one byte of the PIRQ routes").isEqualTo(0x80800b80L);
    }

    @Test
    void readOnlyRegistersStay() {
        write(0, 0, 0, 4, 0);
        write(0, 0, 8, 4, 0);
        assertThat(read(0, 0, 0, 4)).isEqualTo(0x12378086L);
        assertThat(read(0, 0, 8, 4) >>> 8).isEqualTo(0x060000);
    }

    @Test
    void attributeRegistersAreTold() {
        write(0, 0, 0x59, 1, 0xff);
        assertThat(told).containsExactly("pam 59=30");
        told.clear();
        write(0, 0, 0x5a, 2, 0x3311);
        assertThat(told).containsExactly("pam 5a=11", "pam 5b=33");
    }

    @Test
    void aLockedSmramRegisterStaysLockedAndClosed() {
        write(0, 0, 0x72, 1, 0x4a);
        assertThat(told).containsExactly("smram 4a");
        write(0, 0, 0x72, 1, 0x5a);
        assertThat(read(0, 0, 0x72, 1)).as("locking closes").isEqualTo(0x1a);
        write(0, 0, 0x72, 1, 0x42);
        assertThat(read(0, 0, 0x72, 1)).isEqualTo(0x1a);
        write(0, 0, 0x72, 1, 0x22);
        assertThat(read(0, 0, 0x72, 1)).as("D_CLS is free").isEqualTo(0x3a);
    }

    @Test
    void powerManagementPortsMove() {
        write(1, 3, 0x40, 4, 0x1235);
        assertThat(told).containsExactly("pm 1200");
        assertThat(read(1, 3, 0x40, 4)).as("an I/O base").isEqualTo(0x1201);
    }

    @Test
    void smiOnCommandIsARegisterBit() {
        assertThat(pci.smiOnCommand()).isFalse();
        write(1, 3, 0x58, 4, 1 << 25);
        assertThat(pci.smiOnCommand()).isTrue();
        pci.takeManagementMode();
        assertThat(pci.smiOnCommand()).isFalse();
        assertThat(read(1, 3, 0x58, 4) >>> 25 & 1).as("firmware sees it set").isEqualTo(1);
    }

    @Test
    void resetControlIsDecodedHere() {
        bus.ports.out(0xcf9, 1, 2);
        assertThat(bus.ports.in(0xcf9, 1)).isEqualTo(2);
        bus.ports.out(0xcf9, 1, 6);
        verify(actions).hardReset();
    }

    @Test
    void resetBringsInitialValuesBackAndTellsThem() {
        write(0, 0, 0x59, 1, 0x30);
        write(1, 3, 0x40, 4, 0x1200);
        told.clear();
        pci.reset();
        assertThat(told).contains("pam 59=0", "smram 2").anyMatch(line -> line.startsWith("pm "));
        assertThat(read(0, 0, 0x59, 1)).isZero();
        assertThat(bus.ports.in(0xcf8, 4)).as("selected since").isEqualTo(0x80000058L);
    }

    @Test
    void stateIsSavedAndRestored() {
        write(1, 0, 0x60, 4, 0x0b0a0905);
        StateWriter out = new StateWriter();
        pci.save(out);
        write(1, 0, 0x60, 4, 0);
        select(0, 0, 0);
        pci.restore(new StateReader(out.toByteArray()));
        assertThat(bus.ports.in(0xcfc, 4)).as("address and register").isEqualTo(0x0b0a0905);
    }
}
