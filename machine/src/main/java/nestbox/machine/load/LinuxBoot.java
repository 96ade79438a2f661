package nestbox.machine.load;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.machine.firmware.MemoryMap;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * Loads a bzImage with initial RAM disk and command line, and fills the zero page, at the kernel's 32-bit or 64-bit entry
 * (Linux documentation, "The Linux/x86 Boot Protocol", "32-bit Boot Protocol", "64-bit Boot Protocol", "Zero Page").
 */
public final class LinuxBoot {
    /** The selectors that the protocol asks for, in the table at {@link #GDT}. */
    static final int CODE_SELECTOR = 0x10;

    static final int DATA_SELECTOR = 0x18;
    static final long GDT = 0x7000;
    static final int GDT_LIMIT = 0x1f;
    /** Identity map of the first 4 GiB with 2 MiB pages: one PML4, one PDPT, four directories. */
    static final long PAGE_TABLES = 0x8000;

    private static final long ZERO_PAGE = 0x10000;
    private static final long COMMAND_LINE = 0x20000;
    private static final int COMMAND_LINE_ROOM = 0x10000;
    private static final long PAGE = 0xfff;
    private static final int DIRECTORIES = 4;

    private static final int RSDP = 0x70;
    private static final int ALTERNATIVE_MEMORY = 0x1e0;
    private static final int MAP_ENTRIES = 0x1e8;
    private static final int VIDEO_MODE = 0x1fa;
    private static final int LOADER_TYPE = 0x210;
    private static final int CODE32_START = 0x214;
    private static final int INITRD_IMAGE = 0x218;
    private static final int INITRD_SIZE = 0x21c;
    private static final int COMMAND_LINE_POINTER = 0x228;
    private static final int MAP = 0x2d0;
    private static final int MAP_ENTRY_BYTES = 20;
    private static final int SCREEN_MODE = 6;
    private static final int SCREEN_COLUMNS = 7;
    private static final int SCREEN_LINES = 0xe;
    private static final int SCREEN_IS_VGA = 0xf;
    private static final int SCREEN_POINTS = 0x10;

    private static final int VIDEO_NORMAL = 0xffff;
    private static final int LOADER_UNDEFINED = 0xff;

    /** Where the kernel starts, in which mode, and where its zero page lies. */
    public record Loaded(long entry, long zeroPage, boolean longMode) {}

    /**
     * What the loader knows of the machine.
     *
     * @param rootPointer physical address of the ACPI root pointer
     * @param longMode the processor has IA-32e mode, so that a 64-bit entry can be used
     * @param textScreen there is a VGA text screen
     */
    public record Surroundings(MemoryMap map, long rootPointer, boolean longMode, boolean textScreen) {}

    private final LinuxImage kernel;
    private final PhysicalMemory memory;
    private final Surroundings machine;

    private LinuxBoot(LinuxImage kernel, PhysicalMemory memory, Surroundings machine) {
        this.kernel = kernel;
        this.memory = memory;
        this.machine = machine;
    }

    /**
     * Places kernel, RAM disk, command line and zero page.
     *
     * @param initrds archives that are placed one behind the other, as the kernel reads them; may be empty
     * @throws NestboxException naming the field that is wrong or what does not fit
     */
    public static Loaded load(
            ImageFile image, String commandLine, List<ImageFile> initrds, PhysicalMemory memory, Surroundings machine) {
        return new LinuxBoot(LinuxImage.read(image), memory, machine).load(commandLine, join(initrds));
    }

    /** Archives one behind the other begin at multiples of 4 (Linux documentation, "initramfs buffer format"). */
    private static byte[] join(List<ImageFile> initrds) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (ImageFile initrd : initrds) {
            all.writeBytes(new byte[-all.size() & 3]);
            all.writeBytes(initrd.bytes());
        }
        return all.toByteArray();
    }

    private Loaded load(String commandLine, byte[] initrd) {
        byte[] line = commandLine.getBytes(StandardCharsets.UTF_8);
        if (line.length > kernel.commandLineMax() || line.length >= COMMAND_LINE_ROOM) {
            throw new NestboxException(
                    "command line",
                    line.length + " bytes are more than the kernel's cmdline_size " + kernel.commandLineMax());
        }
        final long start = placeKernel();
        final long initrdAt = initrd.length == 0 ? 0 : placeInitrd(initrd, start + kernel.initBytes());
        memory.copyIn(COMMAND_LINE, line, 0, line.length);
        memory.write(COMMAND_LINE + line.length, 1, 0);
        writeDescriptors();
        zero(ZERO_PAGE, 0x1000);
        memory.copyIn(
                ZERO_PAGE + LinuxImage.HEADER,
                kernel.file().bytes(),
                LinuxImage.HEADER,
                kernel.headerEnd() - LinuxImage.HEADER);
        put(VIDEO_MODE, 2, VIDEO_NORMAL);
        put(LOADER_TYPE, 1, LOADER_UNDEFINED);
        put(CODE32_START, 4, start);
        put(INITRD_IMAGE, 4, initrdAt);
        put(INITRD_SIZE, 4, initrd.length);
        put(COMMAND_LINE_POINTER, 4, COMMAND_LINE);
        put(RSDP, 8, machine.rootPointer());
        put(ALTERNATIVE_MEMORY, 4, machine.map().below4G() - 0x100000 >>> 10);
        if (machine.textScreen()) {
            writeScreen();
        }
        writeMap();
        boolean longMode = machine.longMode() && kernel.has64BitEntry();
        if (longMode) {
            writePageTables();
        }
        return new Loaded(start + LinuxImage.entryOffset(longMode), ZERO_PAGE, longMode);
    }

    private long placeKernel() {
        long end = machine.map().highRamEnd();
        long start = kernel.start() + kernel.initBytes() <= end ? kernel.start() : kernel.lowestStart();
        if (start + kernel.initBytes() > end) {
            throw kernel.file()
                    .bad(
                            LinuxImage.HEADER,
                            "init_size",
                            String.format(
                                    "%#x bytes from %#x on do not fit into RAM below %#x",
                                    kernel.initBytes(), start, end));
        }
        memory.copyIn(start, kernel.file().bytes(), kernel.kernelOffset(), kernel.kernelBytes());
        return start;
    }

    /** As high as kernel and memory allow. */
    private long placeInitrd(byte[] initrd, long kernelEnd) {
        long end = Math.min(machine.map().highRamEnd(), kernel.initrdMax() + 1);
        long at = end - initrd.length & ~PAGE;
        if (at < kernelEnd) {
            throw new NestboxException(
                    "initrd",
                    String.format(
                            "%d bytes do not fit between the kernel's end %#x and %#x", initrd.length, kernelEnd, end));
        }
        memory.copyIn(at, initrd, 0, initrd.length);
        return at;
    }

    private void put(int offset, int bytes, long value) {
        memory.write(ZERO_PAGE + offset, bytes, value);
    }

    /** Mode 3 of a VGA: 80 columns, 25 lines of 16 points. */
    private void writeScreen() {
        put(SCREEN_MODE, 1, 3);
        put(SCREEN_COLUMNS, 1, 80);
        put(SCREEN_LINES, 1, 25);
        put(SCREEN_IS_VGA, 1, 1);
        put(SCREEN_POINTS, 2, 16);
    }

    private void writeMap() {
        List<MemoryMap.Entry> entries = machine.map().entries();
        put(MAP_ENTRIES, 1, entries.size());
        for (int i = 0; i < entries.size(); i++) {
            int at = MAP + MAP_ENTRY_BYTES * i;
            put(at, 8, entries.get(i).start());
            put(at + 8, 8, entries.get(i).length());
            put(at + 16, 4, entries.get(i).type());
        }
    }

    /** Flat 4 GiB segments: code is 64-bit or 32-bit as the entry is. */
    private void writeDescriptors() {
        boolean wide = machine.longMode() && kernel.has64BitEntry();
        zero(GDT, GDT_LIMIT + 1);
        memory.write(GDT + CODE_SELECTOR, 8, wide ? 0x00af9b000000ffffL : 0x00cf9b000000ffffL);
        memory.write(GDT + DATA_SELECTOR, 8, 0x00cf93000000ffffL);
    }

    private void writePageTables() {
        long directories = PAGE_TABLES + 0x2000;
        zero(PAGE_TABLES, 0x2000);
        memory.write(PAGE_TABLES, 8, PAGE_TABLES + 0x1000 | 3);
        for (int i = 0; i < DIRECTORIES; i++) {
            memory.write(PAGE_TABLES + 0x1000 + 8L * i, 8, directories + 0x1000L * i | 3);
        }
        for (long page = 0; page < DIRECTORIES * 512L; page++) {
            memory.write(directories + 8 * page, 8, page << 21 | 0x83);
        }
    }

    private void zero(long at, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            memory.write(at + i, 8, 0);
        }
    }
}
