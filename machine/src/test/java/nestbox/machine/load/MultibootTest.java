package nestbox.machine.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import nestbox.core.NestboxException;
import nestbox.machine.firmware.MemoryMap;
import nestbox.mmu.memory.PhysicalMemory;
import org.junit.jupiter.api.Test;

/** Multiboot Specification 0.6.96. */
class MultibootTest {
    private static final int LOAD = 0x200000;
    private final MemoryMap map = new MemoryMap(64 << 20);
    private final PhysicalMemory memory = new PhysicalMemory(36);

    MultibootTest() {
        map.mapInto(memory);
    }

    /** A flat image: the header with address fields, then four bytes of code and 4096 bytes of bss. */
    static byte[] flat() {
        ByteBuffer image = ByteBuffer.allocate(36).order(ByteOrder.LITTLE_ENDIAN);
        int flags = 1 << 16;
        image.putInt(0x1BADB002).putInt(flags).putInt(-(0x1BADB002 + flags));
        image.putInt(LOAD)
                .putInt(LOAD)
                .putInt(LOAD + 36)
                .putInt(LOAD + 36 + 4096)
                .putInt(LOAD + 32);
        image.putInt(0xf4f4f4f4);
        return image.array();
    }

    /** ELF with one segment that holds the header at file offset 0x100. */
    static byte[] elf(boolean wide) {
        ByteBuffer image = ByteBuffer.allocate(0x120).order(ByteOrder.LITTLE_ENDIAN);
        image.putInt(0x464c457f).put((byte) (wide ? 2 : 1)).put((byte) 1).put((byte) 1);
        image.putShort(16, (short) 2).putShort(18, (short) (wide ? 62 : 3));
        if (wide) {
            image.putLong(24, 0xffffffff80000010L)
                    .putLong(32, 64)
                    .putShort(54, (short) 56)
                    .putShort(56, (short) 1);
            image.putInt(64, 1)
                    .putLong(72, 0x100)
                    .putLong(80, 0xffffffff80000000L)
                    .putLong(88, LOAD);
            image.putLong(96, 0x20).putLong(104, 0x40);
        } else {
            image.putInt(24, LOAD + 0x10)
                    .putInt(28, 52)
                    .putShort(42, (short) 32)
                    .putShort(44, (short) 1);
            image.putInt(52, 1)
                    .putInt(56, 0x100)
                    .putInt(60, LOAD)
                    .putInt(64, LOAD)
                    .putInt(68, 0x20)
                    .putInt(72, 0x40);
        }
        image.putInt(0x100, 0x1BADB002)
                .putInt(0x104, 0)
                .putInt(0x108, -0x1BADB002)
                .putInt(0x110, 0xf4f4f4f4);
        return image.array();
    }

    private Multiboot.Loaded load(byte[] image, String line, ImageFile... modules) {
        return Multiboot.load(new ImageFile("image", image), line, List.of(modules), memory, map);
    }

    private String string(long at) {
        StringBuilder text = new StringBuilder();
        for (long c = memory.read(at, 1); c != 0; c = memory.read(++at, 1)) {
            text.append((char) c);
        }
        return text.toString();
    }

    @Test
    void flatImagesGoWhereTheirFieldsSay() {
        memory.write(LOAD + 40, 4, 0x12345678);
        Multiboot.Loaded loaded = load(flat(), "");
        assertThat(loaded.entry()).isEqualTo(LOAD + 32);
        assertThat(memory.read(LOAD + 32, 4)).isEqualTo(0xf4f4f4f4L);
        assertThat(memory.read(LOAD + 40, 4)).as("bss is cleared").isZero();
    }

    @Test
    void elfEntriesAreTranslatedToPhysicalAddresses() {
        for (boolean wide : new boolean[] {false, true}) {
            assertThat(load(elf(wide), "").entry()).isEqualTo(LOAD + 0x10);
            assertThat(memory.read(LOAD + 0x10, 4)).isEqualTo(0xf4f4f4f4L);
        }
    }

    @Test
    void informationStructureHasMemoryCommandLineModulesAndMap() {
        byte[] environment = "NR_CPUS=1\n".getBytes(StandardCharsets.US_ASCII);
        long info = load(flat(), "a b", new ImageFile("env", environment)).info();
        assertThat(memory.read(info, 4) & 0x4d).isEqualTo(0x4d);
        assertThat(memory.read(info + 4, 4)).isEqualTo(639);
        assertThat(memory.read(info + 8, 4)).isEqualTo((63 << 10) - 128);
        assertThat(string(memory.read(info + 16, 4))).isEqualTo("image a b");
        assertThat(memory.read(info + 20, 4)).isEqualTo(1);
        long module = memory.read(info + 24, 4);
        long start = memory.read(module, 4);
        assertThat(memory.read(module + 4, 4) - start).isEqualTo(environment.length);
        assertThat(start).isGreaterThanOrEqualTo(LOAD + 36 + 4096);
        assertThat(string(start)).startsWith("NR_CPUS=1\n");
        assertThat(string(memory.read(module + 8, 4))).isEqualTo("env");
        long entry = memory.read(info + 48, 4);
        long end = entry + memory.read(info + 44, 4);
        long ram = 0;
        while (entry < end) {
            ram += memory.read(entry + 20, 4) == 1 ? memory.read(entry + 12, 8) : 0;
            entry += memory.read(entry, 4) + 4;
        }
        assertThat(ram).isEqualTo(0x9fc00 + (63L << 20) - 0x20000);
    }

    private void refused(byte[] image, String... words) {
        assertThatThrownBy(() -> load(image, ""))
                .isInstanceOf(NestboxException.class)
                .hasMessageContainingAll(words)
                .hasMessageContaining("image")
                .hasMessageContaining("offset");
    }

    @Test
    void malformedImagesAreRefusedByName() {
        refused(new byte[0], "multiboot header");
        refused(new byte[100_000], "multiboot header");
        byte[] image = flat();
        image[4] = 4;
        image[8] -= 4;
        refused(image, "flags", "0x4");
        image = flat();
        image[22] = 0x10;
        refused(image, "load_end_addr");
        image = elf(false);
        image[57] = 0x7f;
        refused(image, "p_offset");
        image = elf(false);
        image[67] = 0x10;
        refused(image, "RAM");
        image = elf(true);
        image[107] = 0;
        image[104] = 1;
        refused(image, "p_memsz");
    }

    /** Whatever bytes are damaged, the loader loads or refuses: nothing else escapes, nothing is read outside the file. */
    @Test
    void damagedImagesNeverEscapeTheTypedError() {
        Random random = new Random(1);
        byte[][] images = {flat(), elf(false), elf(true)};
        for (int round = 0; round < 3000; round++) {
            byte[] image = images[round % 3].clone();
            for (int i = 0; i <= round % 4; i++) {
                image[random.nextInt(image.length)] = (byte) random.nextInt();
            }
            byte[] cut = java.util.Arrays.copyOf(image, image.length - random.nextInt(8) * random.nextInt(5));
            try {
                load(cut, "");
            } catch (NestboxException expected) {
                assertThat(expected).hasMessageContaining("image");
            }
        }
    }
}
