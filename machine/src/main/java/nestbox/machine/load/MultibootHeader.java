package nestbox.machine.load;

import java.util.List;

/** Finds and checks the Multiboot 1 header (Multiboot Specification 0.6.96, "OS image format"). */
final class MultibootHeader {
    private static final long MAGIC = 0x1BADB002L;
    private static final int SEARCH = 8192;
    /** Flags that a loader must understand; 0 to 2 are known. */
    private static final int REQUIRED = 0xffff;

    private static final int PAGE_ALIGNED_MODULES = 1;
    private static final int MEMORY_INFORMATION = 2;
    private static final int ADDRESS_FIELDS = 1 << 16;

    private MultibootHeader() {}

    /** The image that the file describes, by its address fields or as ELF. */
    static ProgramImage read(ImageFile file) {
        int header = find(file);
        if (header < 0) {
            throw file.bad(
                    0, "multiboot header", "no header with magic 0x1badb002 and checksum in the first 8192 bytes");
        }
        long flags = file.u32(header + 4, "flags");
        long unknown = flags & REQUIRED & ~(PAGE_ALIGNED_MODULES | MEMORY_INFORMATION);
        if (unknown != 0) {
            throw file.bad(header + 4, "flags", String.format("required features %#x are not provided", unknown));
        }
        if ((flags & ADDRESS_FIELDS) != 0) {
            return byAddressFields(file, header);
        }
        if (!ElfReader.isElf(file)) {
            throw file.bad(0, "e_ident", "neither address fields in the multiboot header nor an ELF file");
        }
        return ElfReader.read(file);
    }

    static int find(ImageFile file) {
        int end = Math.min(SEARCH, file.length()) - 12;
        for (int at = 0; at <= end; at += 4) {
            if (file.u32(at, "magic") == MAGIC) {
                long sum = MAGIC + file.u32(at + 4, "flags") + file.u32(at + 8, "checksum");
                if ((sum & 0xffffffffL) == 0) {
                    return at;
                }
            }
        }
        return -1;
    }

    private static ProgramImage byAddressFields(ImageFile file, int header) {
        long headerAddress = file.u32(header + 12, "header_addr");
        long loadAddress = file.u32(header + 16, "load_addr");
        long loadEnd = file.u32(header + 20, "load_end_addr");
        long bssEnd = file.u32(header + 24, "bss_end_addr");
        long entry = file.u32(header + 28, "entry_addr");
        if (headerAddress < loadAddress || headerAddress - loadAddress > header) {
            String message = String.format("%#x does not suit header_addr %#x", loadAddress, headerAddress);
            throw file.bad(header + 16, "load_addr", message);
        }
        long offset = header - (headerAddress - loadAddress);
        long fileBytes = loadEnd == 0 ? file.length() - offset : loadEnd - loadAddress;
        if (fileBytes < 0) {
            throw file.bad(
                    header + 20, "load_end_addr", String.format("%#x lies before load_addr %#x", loadEnd, loadAddress));
        }
        file.check(offset, fileBytes, "load_end_addr");
        long memoryBytes = bssEnd == 0 ? fileBytes : bssEnd - loadAddress;
        if (memoryBytes < fileBytes) {
            throw file.bad(header + 24, "bss_end_addr", String.format("%#x lies before load_end_addr", bssEnd));
        }
        if (memoryBytes == 0) {
            throw file.bad(header + 20, "load_end_addr", "nothing to load");
        }
        LoadSegment segment = new LoadSegment(offset, fileBytes, loadAddress, memoryBytes, header + 16);
        return new ProgramImage(file, List.of(segment), entry);
    }
}
