package nestbox.machine.load;

import java.util.ArrayList;
import java.util.List;

/** Reads the program headers of ELF32 and ELF64 executables for x86 (System V ABI, "Object Files", "Program Loading"). */
final class ElfReader {
    private static final int MAGIC = 0x464c457f;
    private static final int CLASS_32 = 1;
    private static final int CLASS_64 = 2;
    private static final int DATA_LITTLE = 1;
    private static final int TYPE_EXECUTABLE = 2;
    private static final int MACHINE_386 = 3;
    private static final int MACHINE_X86_64 = 62;
    private static final int PT_LOAD = 1;

    private final ImageFile file;
    private final boolean wide;
    private final List<LoadSegment> segments = new ArrayList<>();
    private long entry;

    private ElfReader(ImageFile file) {
        this.file = file;
        this.wide = file.u8(4, "e_ident[EI_CLASS]") == CLASS_64;
    }

    static boolean isElf(ImageFile file) {
        return file.length() >= 4 && file.u32(0, "e_ident") == MAGIC;
    }

    /** Gives the loadable segments and the physical entry point. */
    static ProgramImage read(ImageFile file) {
        return new ElfReader(file).read();
    }

    private ProgramImage read() {
        int elfClass = file.u8(4, "e_ident[EI_CLASS]");
        if (elfClass != CLASS_32 && elfClass != CLASS_64) {
            throw file.bad(4, "e_ident[EI_CLASS]", "unknown class " + elfClass);
        }
        if (file.u8(5, "e_ident[EI_DATA]") != DATA_LITTLE) {
            throw file.bad(5, "e_ident[EI_DATA]", "not little-endian");
        }
        if (file.u16(16, "e_type") != TYPE_EXECUTABLE) {
            throw file.bad(16, "e_type", "not an executable: " + file.u16(16, "e_type"));
        }
        int machine = file.u16(18, "e_machine");
        if (machine != MACHINE_386 && machine != MACHINE_X86_64) {
            throw file.bad(18, "e_machine", "not x86: " + machine);
        }
        entry = word(24, "e_entry");
        long table = wide ? file.u64(32, "e_phoff") : file.u32(28, "e_phoff");
        int sizeField = wide ? 54 : 42;
        int size = file.u16(sizeField, "e_phentsize");
        int count = file.u16(sizeField + 2, "e_phnum");
        if (count == 0) {
            throw file.bad(sizeField + 2, "e_phnum", "no program headers");
        }
        if (size < (wide ? 56 : 32)) {
            throw file.bad(sizeField, "e_phentsize", "too small: " + size);
        }
        file.check(table, (long) size * count, "e_phoff");
        long physicalEntry = entry;
        for (int i = 0; i < count; i++) {
            physicalEntry = readHeader(table + (long) i * size, physicalEntry);
        }
        if (segments.isEmpty()) {
            throw file.bad(table, "p_type", "nothing to load");
        }
        return new ProgramImage(file, List.copyOf(segments), physicalEntry);
    }

    private long word(long offset, String field) {
        return wide ? file.u64(offset, field) : file.u32(offset, field);
    }

    /** The entry point is a virtual address: the segment that holds it says where it lies in memory. */
    private long readHeader(long at, long physicalEntry) {
        if (file.u32(at, "p_type") != PT_LOAD) {
            return physicalEntry;
        }
        long offset = word(at + (wide ? 8 : 4), "p_offset");
        long virtual = word(at + (wide ? 16 : 8), "p_vaddr");
        long physical = word(at + (wide ? 24 : 12), "p_paddr");
        long fileBytes = word(at + (wide ? 32 : 16), "p_filesz");
        long memoryBytes = word(at + (wide ? 40 : 20), "p_memsz");
        file.check(offset, fileBytes, "p_offset/p_filesz of the header at " + Long.toHexString(at));
        if (memoryBytes < fileBytes) {
            throw file.bad(at + (wide ? 40 : 20), "p_memsz", memoryBytes + " is less than p_filesz " + fileBytes);
        }
        if (memoryBytes != 0) {
            segments.add(new LoadSegment(offset, fileBytes, physical, memoryBytes, at));
        }
        boolean holdsEntry = entry >= virtual && entry - virtual < memoryBytes;
        return holdsEntry ? entry - virtual + physical : physicalEntry;
    }
}
