package nestbox.machine.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.memory.PhysicalMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Intel 440FX data sheet, "PAM - Programmable Attribute Map Registers". */
class ShadowMemoryTest {
    private final PhysicalMemory memory = new PhysicalMemory(36);
    private final ShadowMemory shadow;

    ShadowMemoryTest() {
        byte[] rom = new byte[0x40000];
        java.util.Arrays.fill(rom, (byte) 0x5a);
        shadow = new ShadowMemory(memory, rom);
    }

    @Test
    void readsTheRomAndIgnoresWritesAtFirst() {
        memory.write(0xf0000, 1, 1);
        assertThat(memory.read(0xf0000, 1)).isEqualTo(0x5a);
        assertThat(memory.read(0xe0000, 1)).isEqualTo(0x5a);
        assertThat(memory.read(0xc0000, 1)).as("nothing on the bus").isEqualTo(0xff);
    }

    @ParameterizedTest
    @CsvSource({
        "0x59, 4, 0xf0000, 0xfffff", "0x5a, 0, 0xc0000, 0xc3fff", "0x5a, 4, 0xc4000, 0xc7fff",
                "0x5b, 0, 0xc8000, 0xcbfff",
        "0x5b, 4, 0xcc000, 0xcffff", "0x5c, 0, 0xd0000, 0xd3fff", "0x5c, 4, 0xd4000, 0xd7fff",
                "0x5d, 0, 0xd8000, 0xdbfff",
        "0x5d, 4, 0xdc000, 0xdffff", "0x5e, 0, 0xe0000, 0xe3fff", "0x5e, 4, 0xe4000, 0xe7fff",
                "0x5f, 0, 0xe8000, 0xebfff",
        "0x5f, 4, 0xec000, 0xeffff"
    })
    void everyNibbleOwnsItsSegment(String register, int shift, String first, String last) {
        int pam = Integer.decode(register);
        long rom = memory.read(Long.decode(first), 1);
        for (String at : new String[] {first, last}) {
            long address = Long.decode(at);
            shadow.setRegister(pam, 2 << shift);
            memory.write(address, 1, 0x77);
            assertThat(memory.read(address, 1))
                    .as("write to RAM, read from ROM")
                    .isEqualTo(rom);
            shadow.setRegister(pam, 1 << shift);
            assertThat(memory.read(address, 1)).as("RAM read-only").isEqualTo(0x77);
            memory.write(address, 1, 0x78);
            assertThat(memory.read(address, 1)).isEqualTo(0x77);
            shadow.setRegister(pam, 3 << shift);
            memory.write(address, 1, 0x79);
            assertThat(memory.read(address, 1)).isEqualTo(0x79);
            shadow.setRegister(pam, 0);
            assertThat(memory.read(address, 1)).isEqualTo(rom);
        }
        shadow.setRegister(pam, 3 << shift);
        assertThat(memory.kindOf(Long.decode(first) - 1))
                .as("its neighbours stay")
                .isNotEqualTo(PhysicalMemory.Kind.RAM);
        assertThat(memory.kindOf(Long.decode(last) + 1)).isNotEqualTo(PhysicalMemory.Kind.RAM);
    }

    @Test
    void stateComesBack() {
        shadow.setRegister(0x59, 0x30);
        memory.write(0xf1234, 4, 0xcafebabeL);
        StateWriter out = new StateWriter();
        shadow.save(out);
        memory.save(out);
        shadow.reset();
        StateReader in = new StateReader(out.toByteArray());
        shadow.restore(in);
        memory.restore(in);
        assertThat(memory.read(0xf1234, 4)).isEqualTo(0xcafebabeL);
        shadow.reset();
        assertThat(memory.read(0xf1234, 1)).isEqualTo(0x5a);
    }
}
