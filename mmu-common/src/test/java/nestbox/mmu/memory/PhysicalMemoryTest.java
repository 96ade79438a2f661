package nestbox.mmu.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.core.Seed;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PhysicalMemoryTest {
    private static final long GIB = 1L << 30;

    private final PhysicalMemory memory = new PhysicalMemory(40);

    @ParameterizedTest
    @ValueSource(longs = {0, 0x3_fff8, 0xf_f000, 5 * GIB, (1L << 40) - 0x1000})
    void keepsWhatIsWrittenAtEverySizeAndAlignment(long base) {
        memory.mapRam(base & ~0xfffL, 0x1000);
        for (int size : new int[] {1, 2, 4, 8}) {
            for (int offset = 0; offset < 8; offset++) {
                long at = (base & ~0xfffL) + 0x100 + offset;
                memory.write(at, size, 0x8877665544332211L);
                long mask = size == 8 ? -1 : (1L << 8 * size) - 1;
                assertThat(memory.read(at, size)).isEqualTo(0x8877665544332211L & mask);
                assertThat(memory.read(at, 1)).isEqualTo(0x11);
            }
        }
    }

    @Test
    void accessesCrossPagesAndChunks() {
        memory.mapRam(0, 2 * PhysicalMemory.CHUNK_SIZE);
        long at = PhysicalMemory.CHUNK_SIZE - 3;
        memory.write(at, 8, 0x0102030405060708L);
        assertThat(memory.read(at, 8)).isEqualTo(0x0102030405060708L);
        assertThat(memory.read(PhysicalMemory.CHUNK_SIZE, 1)).isEqualTo(5);
    }

    @Test
    void holesReadAsOnesAndIgnoreWrites() {
        memory.write(0x5000, 4, 0);
        assertThat(memory.read(0x5000, 1)).isEqualTo(0xff);
        assertThat(memory.read(0x5000, 2)).isEqualTo(0xffff);
        assertThat(memory.read(0x5000, 4)).isEqualTo(0xffffffffL);
        assertThat(memory.read(0x5000, 8)).isEqualTo(-1L);
        assertThat(memory.read(-8L, 8)).isEqualTo(-1L);
        assertThat(memory.backing(0x5000)).isNull();
        assertThat(memory.kindOf(1L << 50)).isEqualTo(PhysicalMemory.Kind.HOLE);
    }

    @Test
    void romIgnoresWrites() {
        byte[] contents = new byte[0x2000];
        contents[0x1234] = 7;
        memory.mapRom(0xf_e000, contents);
        memory.write(0xf_f234, 1, 9);
        memory.copyIn(0xf_f234, new byte[] {9}, 0, 1);
        assertThat(memory.read(0xf_f234, 1)).isEqualTo(7);
        assertThat(memory.plainRam(0xf_f234)).isFalse();
    }

    @Test
    void laterRegionsCoverEarlierOnesUntilTheyAreUnmapped() {
        List<String> seen = new ArrayList<>();
        MmioHandler device = new Recorder(seen);
        int[] changes = {0};
        memory.addLayoutListener(() -> changes[0]++);
        memory.mapRam(0, 0x10_0000);
        memory.write(0x8008, 8, 5);
        memory.mapMmio(0x8000, 0x1000, device);

        assertThat(memory.read(0x7ff8, 8)).isZero();
        assertThat(memory.read(0x8008, 4)).isEqualTo(0x42);
        memory.write(0x8010, 2, 0x12345678L);
        assertThat(seen).containsExactly("read 8 4", "write 10 2 5678");
        assertThat(memory.isMmio(0x8fff)).isTrue();
        assertThat(memory.isMmio(0x9000)).isFalse();
        assertThat(memory.readUnder(device, 0x8008, 8)).isEqualTo(5);

        memory.unmap(0x8000, PhysicalMemory.Kind.MMIO);
        assertThat(memory.read(0x8008, 8)).isEqualTo(5);
        assertThat(changes[0]).isEqualTo(3);
    }

    @Test
    void aRegionInTheMiddleKeepsTheOffsetsOfTheOneAroundIt() {
        List<String> seen = new ArrayList<>();
        memory.mapMmio(0x10000, 0x10000, new Recorder(seen));
        memory.mapRam(0x14000, 0x1000);
        memory.read(0x13000, 1);
        memory.read(0x15000, 1);
        assertThat(seen).containsExactly("read 3000 1", "read 5000 1");
        assertThat(memory.read(0x14000, 1)).isZero();
    }

    @Test
    void copiesAgreeWithSingleBytesOverEveryKindOfPage() {
        memory.mapRam(0x1000, 0x2000);
        memory.mapRom(0x4000, new byte[0x1000]);
        memory.mapRam(PhysicalMemory.CHUNK_SIZE - 0x1000, 0x2000);
        Seed seed = new Seed(11);
        byte[] source = new byte[0x6000];
        for (int i = 0; i < source.length; i++) {
            source[i] = (byte) seed.nextLong();
        }
        for (long start : new long[] {0x800, 0x1001, PhysicalMemory.CHUNK_SIZE - 0x17ff}) {
            memory.copyIn(start, source, 3, 0x4321);
            byte[] target = new byte[0x4325];
            memory.copyOut(start, target, 2, 0x4321);
            for (int i = 0; i < 0x4321; i++) {
                PhysicalMemory.Kind kind = memory.kindOf(start + i);
                byte expected = kind == PhysicalMemory.Kind.RAM
                        ? source[3 + i]
                        : kind == PhysicalMemory.Kind.ROM ? 0 : (byte) 0xff;
                assertThat(target[2 + i]).isEqualTo(expected);
                assertThat((byte) memory.read(start + i, 1)).isEqualTo(expected);
            }
        }
    }

    @Test
    void storesIntoCodeAreAnnouncedByGranule() {
        List<String> seen = new ArrayList<>();
        memory.mapRam(0, 0x10000);
        memory.addCodeWatcher(new CodeWatcher() {
            @Override
            public void codePageMarked(long physical) {
                seen.add("marked " + Long.toHexString(physical));
            }

            @Override
            public void beforeCodeWrite(long physical, int length) {
                seen.add("write " + Long.toHexString(physical) + " " + length);
            }
        });
        assertThat(memory.plainRam(0x3000)).isTrue();
        memory.markCode(0x3050, 0x40);
        memory.markCode(0x3200, 1);
        assertThat(memory.plainRam(0x3000)).isFalse();

        memory.write(0x303f, 1, 0);
        memory.write(0x303f, 2, 0);
        memory.write(0x30c0, 8, 0);
        memory.write(0x2ffc, 8, 0);
        memory.copyIn(0x3080, new byte[16], 0, 16);
        memory.copyIn(0x4000, new byte[16], 0, 16);
        assertThat(seen).containsExactly("marked 3050", "write 303f 2", "write 3080 16");
    }

    @Test
    void refusesRangesThatAreNoPagesOrTooHigh() {
        assertThatThrownBy(() -> memory.mapRam(0x10, 0x1000)).isInstanceOf(NestboxException.class);
        assertThatThrownBy(() -> memory.mapRam(0, 0)).isInstanceOf(NestboxException.class);
        assertThatThrownBy(() -> memory.mapRam((1L << 40) - 0x1000, 0x2000)).isInstanceOf(NestboxException.class);
    }

    private record Recorder(List<String> seen) implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            seen.add("read " + Long.toHexString(offset) + " " + size);
            return 0x42;
        }

        @Override
        public void write(long offset, int size, long value) {
            seen.add("write " + Long.toHexString(offset) + " " + size + " " + Long.toHexString(value));
        }
    }
}
