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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Linux documentation, "The Linux/x86 Boot Protocol" and "Zero Page". */
class LinuxBootTest {
    private static final int CODE = 5 * 512;
    private static final long PREFERRED = 0x1000000;
    private static final long ROOT_POINTER = 0xf1230;
    private final MemoryMap map = new MemoryMap(64 << 20);
    private final PhysicalMemory memory = new PhysicalMemory(36);

    LinuxBootTest() {
        map.mapInto(memory);
    }

    /** Protocol 2.15, four setup sectors, 4 bytes of kernel at both entries, relocatable, with a 64-bit entry. */
    static ByteBuffer image() {
        ByteBuffer image = ByteBuffer.allocate(CODE + 0x400).order(ByteOrder.LITTLE_ENDIAN);
        image.put(0x1f1, (byte) 4).putShort(0x1fe, (short) 0xaa55).putShort(0x200, (short) 0x6aeb);
        image.putInt(0x202, 0x53726448)
                .putShort(0x206, (short) 0x20f)
                .put(0x211, (byte) 1)
                .putInt(0x214, 0x100000);
        image.putInt(0x22c, 0x7fffffff)
                .putInt(0x230, 0x200000)
                .put(0x234, (byte) 1)
                .putShort(0x236, (short) 1);
        image.putInt(0x238, 2047)
                .putLong(0x258, PREFERRED)
                .putInt(0x260, 0x300000)
                .putInt(0x268, 0x11223344);
        image.putInt(CODE, 0x90909090).putInt(CODE + 0x200, 0xf4f4f4f4);
        return image;
    }

    private LinuxBoot.Loaded load(ByteBuffer image, String line, boolean longMode, byte[]... initrds) {
        List<ImageFile> files = java.util.Arrays.stream(initrds)
                .map(bytes -> new ImageFile("initrd", bytes))
                .toList();
        ImageFile file = new ImageFile("kernel", image.array());
        return LinuxBoot.load(
                file, line, files, memory, new LinuxBoot.Surroundings(map, ROOT_POINTER, longMode, false));
    }

    private long zeroPage(LinuxBoot.Loaded loaded, int offset, int bytes) {
        return memory.read(loaded.zeroPage() + offset, bytes);
    }

    private byte[] bytes(long at, int length) {
        byte[] found = new byte[length];
        memory.copyOut(at, found, 0, length);
        return found;
    }

    @Test
    void entriesLieAtTheStartAnd200hBehindIt() {
        LinuxBoot.Loaded wide = load(image(), "", true);
        assertThat(wide.longMode()).isTrue();
        assertThat(wide.entry()).isEqualTo(PREFERRED + 0x200);
        assertThat(memory.read(wide.entry(), 4)).isEqualTo(0xf4f4f4f4L);
        LinuxBoot.Loaded narrow = load(image(), "", false);
        assertThat(narrow.longMode()).isFalse();
        assertThat(narrow.entry()).isEqualTo(PREFERRED);
        assertThat(memory.read(narrow.entry(), 4)).isEqualTo(0x90909090L);
        assertThat(load(image().putShort(0x236, (short) 0), "", true).longMode())
                .isFalse();
    }

    @Test
    void zeroPageHoldsTheHeaderAndWhatTheLoaderAdds() {
        memory.write(0x10000, 8, -1);
        LinuxBoot.Loaded loaded = load(image(), "console=ttyS0 \u00e4", true, new byte[5000]);
        assertThat(zeroPage(loaded, 0, 8)).isZero();
        assertThat(zeroPage(loaded, 0x1fe, 2)).isEqualTo(0xaa55);
        assertThat(zeroPage(loaded, 0x206, 2)).isEqualTo(0x20f);
        assertThat(zeroPage(loaded, 0x210, 1)).isEqualTo(0xff);
        assertThat(zeroPage(loaded, 0x214, 4)).isEqualTo(PREFERRED);
        assertThat(zeroPage(loaded, 0x21c, 4)).isEqualTo(5000);
        assertThat(zeroPage(loaded, 0x268, 4)).as("up to the header's end").isEqualTo(0x11223344);
        assertThat(zeroPage(loaded, 0x70, 8)).isEqualTo(ROOT_POINTER);
        byte[] line = "console=ttyS0 \u00e4\0".getBytes(StandardCharsets.UTF_8);
        assertThat(bytes(zeroPage(loaded, 0x228, 4), line.length)).isEqualTo(line);
    }

    @Test
    void memoryMapIsTheFirmwares() {
        LinuxBoot.Loaded loaded = load(image(), "", true);
        List<MemoryMap.Entry> entries = map.entries();
        assertThat(zeroPage(loaded, 0x1e8, 1)).isEqualTo(entries.size());
        for (int i = 0; i < entries.size(); i++) {
            int at = 0x2d0 + 20 * i;
            MemoryMap.Entry read = new MemoryMap.Entry(
                    zeroPage(loaded, at, 8), zeroPage(loaded, at + 8, 8), (int) zeroPage(loaded, at + 16, 4));
            assertThat(read).isEqualTo(entries.get(i));
        }
    }

    @Test
    void initrdLiesOnPagesAsHighAsAllowed() {
        byte[] initrd = new byte[5000];
        new Random(1).nextBytes(initrd);
        long high = zeroPage(load(image(), "", true, initrd), 0x218, 4);
        assertThat(high).isEqualTo(map.highRamEnd() - 0x2000);
        assertThat(bytes(high, 5000)).isEqualTo(initrd);
        long limited = zeroPage(load(image().putInt(0x22c, 0x1ffffff), "", true, initrd), 0x218, 4);
        assertThat(limited).isEqualTo(0x2000000 - 0x2000);
    }

    @Test
    void severalInitrdsFollowEachOtherAtMultiplesOfFour() {
        LinuxBoot.Loaded loaded = load(image(), "", true, new byte[] {1, 2, 3, 4, 5}, new byte[] {6, 7});
        assertThat(zeroPage(loaded, 0x21c, 4)).isEqualTo(10);
        assertThat(bytes(zeroPage(loaded, 0x218, 4), 10)).containsExactly(1, 2, 3, 4, 5, 0, 0, 0, 6, 7);
        assertThat(zeroPage(load(image(), "", true), 0x218, 8)).as("none").isZero();
    }

    @Test
    void lastPagesOfTheIdentityMapCoverTheEndOf4GiB() {
        load(image(), "", true);
        long pml4 = LinuxBoot.PAGE_TABLES;
        long pdpt = memory.read(pml4, 8) & ~0xfffL;
        for (long address : new long[] {0, 0x3fe00000L, 0x40000000L, 0xffe00000L}) {
            long directory = memory.read(pdpt + 8 * (address >>> 30), 8) & ~0xfffL;
            assertThat(memory.read(directory + 8 * (address >>> 21 & 511), 8)).isEqualTo(address | 0x83);
        }
    }

    @Test
    void relocatableKernelMovesWhenMemoryEndsTooEarly() {
        MemoryMap small = new MemoryMap(8 << 20);
        PhysicalMemory memory = new PhysicalMemory(36);
        small.mapInto(memory);
        ImageFile file = new ImageFile("kernel", image().array());
        LinuxBoot.Surroundings machine = new LinuxBoot.Surroundings(small, 0, true, false);
        assertThat(LinuxBoot.load(file, "", List.of(), memory, machine).entry()).isEqualTo(0x200200);
        ImageFile fixed = new ImageFile("kernel", image().put(0x234, (byte) 0).array());
        assertThatThrownBy(() -> LinuxBoot.load(fixed, "", List.of(), memory, machine))
                .hasMessageContaining("init_size");
    }

    @ParameterizedTest
    @CsvSource({
        "0x1fe, 2, 0x1234, boot_flag",
        "0x202, 4, 0, header",
        "0x206, 2, 0x201, version",
        "0x211, 1, 0, loadflags",
        "0x1f1, 1, 0xff, setup_sects",
        "0x230, 4, 0x300000, kernel_alignment",
        "0x230, 4, 0, kernel_alignment",
        "0x260, 4, 0x7ffffff, init_size",
        "0x25c, 4, 1, pref_address",
        "0x25c, 4, -1, pref_address"
    })
    void malformedFieldsAreNamed(String offset, int bytes, String value, String field) {
        ByteBuffer image = image();
        long wrong = Long.decode(value);
        for (int i = 0; i < bytes; i++) {
            image.put(Integer.decode(offset) + i, (byte) (wrong >>> (8 * i)));
        }
        assertThatThrownBy(() -> load(image, "", true))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("kernel")
                .hasMessageContaining(field);
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertThatThrownBy(() -> load(image(), "x".repeat(2048), true)).hasMessageContaining("cmdline_size 2047");
        assertThatThrownBy(() -> load(image(), "", true, new byte[60 << 20])).hasMessageContaining("initrd");
    }

    /** Damaged images load or are refused by a typed error, whatever is wrong with them. */
    @Test
    void damagedImagesNeverEscapeAsAnotherException() {
        Random random = new Random(7);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = image().array();
            for (int n = random.nextInt(4); n >= 0; n--) {
                bytes[0x1f1 + random.nextInt(0x80)] = (byte) random.nextInt();
            }
            byte[] cut = random.nextInt(4) == 0 ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
            try {
                load(ByteBuffer.wrap(cut), "", true, new byte[4]);
            } catch (NestboxException expected) {
                assertThat(expected.getMessage()).isNotEmpty();
            }
        }
    }

    @Test
    void protocolsAreToldFromTheImage() {
        assertThat(BootProtocol.of(new ImageFile("kernel", image().array()))).isEqualTo(BootProtocol.LINUX);
        assertThat(BootProtocol.of(new ImageFile("flat", MultibootTest.flat()))).isEqualTo(BootProtocol.MULTIBOOT);
        byte[] rom = new byte[0x20000];
        assertThat(BootProtocol.of(new ImageFile("zeros", rom))).isEqualTo(BootProtocol.MULTIBOOT);
        rom[rom.length - 16] = (byte) 0xea;
        assertThat(BootProtocol.of(new ImageFile("rom", rom))).isEqualTo(BootProtocol.BIOS);
        byte[] cut = java.util.Arrays.copyOf(rom, 0x1fff0);
        assertThat(BootProtocol.of(new ImageFile("cut", cut))).isEqualTo(BootProtocol.MULTIBOOT);
        assertThat(BootProtocol.of(new ImageFile("empty", new byte[0]))).isEqualTo(BootProtocol.MULTIBOOT);
    }
}
