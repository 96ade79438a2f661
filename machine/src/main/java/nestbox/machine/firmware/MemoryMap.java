package nestbox.machine.firmware;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * Where RAM lies, as on QEMU's i440FX board: up to 3 GiB below the PCI hole and the rest from 4 GiB on (all of it below when
 * less than 3.5 GiB); the last 128 KiB below the hole belong to the firmware's tables.
 */
public final class MemoryMap {
    public static final int TYPE_RAM = 1;
    public static final int TYPE_RESERVED = 2;
    public static final int TYPE_ACPI = 3;

    public static final long BIOS_START = 0xe0000;
    public static final long BIOS_END = 0x100000;
    private static final long LOW_RAM_END = 0x9fc00;
    private static final long VIDEO = 0xa0000;
    private static final long FOUR_GIB = 1L << 32;
    private static final long HOLE_WHEN_SPLIT = 0xc0000000L;
    private static final long LARGEST_UNSPLIT = 0xe0000000L;
    private static final long FIRMWARE_BYTES = 0x20000;
    private static final long SMALLEST = 2 << 20;

    /** One row of the BIOS's memory map. */
    public record Entry(long start, long length, int type) {}

    private final long below;
    private final long above;

    /** @param bytes size of RAM, a multiple of 4096 of at least 2 MiB */
    public MemoryMap(long bytes) {
        if (bytes < SMALLEST || (bytes & 0xfff) != 0) {
            throw new NestboxException("memory size", bytes + " is not a multiple of 4096 of at least 2 MiB");
        }
        below = bytes > LARGEST_UNSPLIT ? HOLE_WHEN_SPLIT : bytes;
        above = bytes - below;
    }

    /** Maps RAM; between it lie the firmware and the holes. */
    public void mapInto(PhysicalMemory memory) {
        memory.mapRam(0, VIDEO);
        memory.mapRam(BIOS_END, below - BIOS_END);
        if (above > 0) {
            memory.mapRam(FOUR_GIB, above);
        }
    }

    /** End of the conventional memory that the guest may use. */
    public long lowRamEnd() {
        return LOW_RAM_END;
    }

    /** End of the memory from 1 MiB on, below the PCI hole, that the guest may use. */
    public long highRamEnd() {
        return below - FIRMWARE_BYTES;
    }

    /** Where the firmware's tables lie in RAM. */
    public long tables() {
        return below - FIRMWARE_BYTES;
    }

    public long tablesLength() {
        return FIRMWARE_BYTES;
    }

    /** RAM below 4 GiB, firmware's part included. */
    public long below4G() {
        return below;
    }

    public long above4G() {
        return above;
    }

    public List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        entries.add(new Entry(0, LOW_RAM_END, TYPE_RAM));
        entries.add(new Entry(LOW_RAM_END, VIDEO - LOW_RAM_END, TYPE_RESERVED));
        entries.add(new Entry(BIOS_START, BIOS_END - BIOS_START, TYPE_RESERVED));
        entries.add(new Entry(BIOS_END, highRamEnd() - BIOS_END, TYPE_RAM));
        entries.add(new Entry(tables(), FIRMWARE_BYTES, TYPE_ACPI));
        entries.add(new Entry(0xfec00000L, 0x1000, TYPE_RESERVED));
        entries.add(new Entry(0xfee00000L, 0x1000, TYPE_RESERVED));
        if (above > 0) {
            entries.add(new Entry(FOUR_GIB, above, TYPE_RAM));
        }
        return entries;
    }
}
