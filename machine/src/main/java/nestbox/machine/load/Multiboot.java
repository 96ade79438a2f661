package nestbox.machine.load;

import java.nio.charset.StandardCharsets;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.machine.firmware.MemoryMap;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * Loads Multiboot 1 images and builds the information structure that EBX points to (Multiboot Specification 0.6.96, "Boot
 * information format"): memory sizes, command line, modules, memory map and loader name.
 */
public final class Multiboot {
    /** What EAX holds when the image starts. */
    public static final long BOOT_MAGIC = 0x2BADB002L;

    private static final long PAGE = 0xfff;
    private static final int INFO_BYTES = 120;
    private static final int FLAG_MEMORY = 1;
    private static final int FLAG_COMMAND_LINE = 1 << 2;
    private static final int FLAG_MODULES = 1 << 3;
    private static final int FLAG_MEMORY_MAP = 1 << 6;
    private static final int FLAG_LOADER_NAME = 1 << 9;
    private static final int MODULE_BYTES = 16;
    private static final int MAP_ENTRY_BYTES = 24;

    /** Where the image starts and where its information structure lies. */
    public record Loaded(long entry, long info) {}

    private final PhysicalMemory memory;
    private final MemoryMap map;
    private long free;

    private Multiboot(PhysicalMemory memory, MemoryMap map) {
        this.memory = memory;
        this.map = map;
    }

    /**
     * Places image, modules and information structure.
     *
     * @param modules files that are passed as modules, their names being the module strings
     */
    public static Loaded load(
            ImageFile image, String commandLine, List<ImageFile> modules, PhysicalMemory memory, MemoryMap map) {
        return new Multiboot(memory, map).load(image, commandLine, modules);
    }

    private Loaded load(ImageFile image, String commandLine, List<ImageFile> modules) {
        ProgramImage program = MultibootHeader.read(image);
        program.place(memory);
        free = (program.end() + PAGE) & ~PAGE;
        if (free < 0x100000 && free + spaceFor(commandLine, modules) > map.lowRamEnd()) {
            free = 0x100000;
        }
        long[] starts = new long[modules.size()];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = placeBytes(modules.get(i).bytes(), modules.get(i).name());
        }
        long[] names = new long[starts.length];
        for (int i = 0; i < starts.length; i++) {
            names[i] = placeString(modules.get(i).name());
        }
        String line = commandLine.isEmpty() ? image.name() : image.name() + " " + commandLine;
        long info = writeInfo(
                placeString(line), placeString("nestbox"), placeModules(modules, starts, names), starts.length);
        return new Loaded(program.entry(), info);
    }

    private static long spaceFor(String commandLine, List<ImageFile> modules) {
        long space = 0x4000 + commandLine.length() * 4L;
        for (ImageFile module : modules) {
            space += module.length() + 0x1000L + module.name().length() * 4L;
        }
        return space;
    }

    private long placeModules(List<ImageFile> modules, long[] starts, long[] names) {
        long table = reserve((long) MODULE_BYTES * starts.length, "module table");
        for (int i = 0; i < starts.length; i++) {
            long at = table + (long) MODULE_BYTES * i;
            memory.write(at, 4, starts[i]);
            memory.write(at + 4, 4, starts[i] + modules.get(i).length());
            memory.write(at + 8, 4, names[i]);
            memory.write(at + 12, 4, 0);
        }
        return table;
    }

    private long writeInfo(long line, long loaderName, long moduleTable, int modules) {
        List<MemoryMap.Entry> entries = map.entries();
        long mapTable = reserve((long) MAP_ENTRY_BYTES * entries.size(), "memory map");
        for (int i = 0; i < entries.size(); i++) {
            MemoryMap.Entry entry = entries.get(i);
            long at = mapTable + (long) MAP_ENTRY_BYTES * i;
            memory.write(at, 4, MAP_ENTRY_BYTES - 4);
            memory.write(at + 4, 8, entry.start());
            memory.write(at + 12, 8, entry.length());
            memory.write(at + 20, 4, entry.type());
        }
        long info = reserve(INFO_BYTES, "information structure");
        for (int i = 0; i < INFO_BYTES; i += 4) {
            memory.write(info + i, 4, 0);
        }
        int flags =
                FLAG_MEMORY | FLAG_COMMAND_LINE | FLAG_MEMORY_MAP | FLAG_LOADER_NAME | (modules > 0 ? FLAG_MODULES : 0);
        memory.write(info, 4, flags);
        memory.write(info + 4, 4, map.lowRamEnd() >>> 10);
        memory.write(info + 8, 4, Math.max(0, map.highRamEnd() - 0x100000) >>> 10);
        memory.write(info + 16, 4, line);
        memory.write(info + 20, 4, modules);
        memory.write(info + 24, 4, modules > 0 ? moduleTable : 0);
        memory.write(info + 44, 4, (long) MAP_ENTRY_BYTES * entries.size());
        memory.write(info + 48, 4, mapTable);
        memory.write(info + 64, 4, loaderName);
        return info;
    }

    private long placeBytes(byte[] bytes, String what) {
        free = (free + PAGE) & ~PAGE;
        long at = reserve(bytes.length, what);
        memory.copyIn(at, bytes, 0, bytes.length);
        return at;
    }

    private long placeString(String text) {
        byte[] utf8 = (text + "\0").getBytes(StandardCharsets.UTF_8);
        long at = reserve(utf8.length, "string");
        memory.copyIn(at, utf8, 0, utf8.length);
        return at;
    }

    private long reserve(long length, String what) {
        long at = (free + 15) & ~15L;
        free = at + length;
        if (free > (at < 0x100000 ? map.lowRamEnd() : map.highRamEnd())) {
            throw new NestboxException(what, String.format("%d bytes at %#x do not fit into RAM", length, at));
        }
        return at;
    }
}
