package nestbox.machine.load;

import nestbox.core.NestboxException;

/**
 * A bzImage: its setup header, read and checked (Linux documentation, "The Linux/x86 Boot Protocol"). Field names in refusals
 * are those of the protocol.
 */
public final class LinuxImage {
    /** Where the setup header lies in the file, and in the zero page. */
    static final int HEADER = 0x1f1;

    private static final int BOOT_FLAG = 0x1fe;
    private static final int BOOT_FLAG_VALUE = 0xaa55;
    private static final int JUMP_OFFSET = 0x201;
    private static final int MAGIC = 0x202;
    private static final long MAGIC_VALUE = 0x53726448L;
    private static final int VERSION = 0x206;
    private static final int LOAD_FLAGS = 0x211;
    private static final int INITRD_ADDRESS_MAX = 0x22c;
    private static final int KERNEL_ALIGNMENT = 0x230;
    private static final int RELOCATABLE = 0x234;
    private static final int EXTENDED_LOAD_FLAGS = 0x236;
    private static final int COMMAND_LINE_SIZE = 0x238;
    private static final int PREFERRED_ADDRESS = 0x258;
    private static final int INIT_SIZE = 0x260;

    private static final int SECTOR = 512;
    private static final int DEFAULT_SETUP_SECTORS = 4;
    private static final int LOADED_HIGH = 1;
    private static final int KERNEL_64 = 1;
    private static final int ENTRY_64 = 0x200;
    /** Where a kernel that cannot be relocated belongs. */
    private static final long HIGH = 0x100000;
    /** What a header older than the field means. */
    private static final long OLD_INITRD_MAX = 0x37ffffffL;

    private static final int OLD_COMMAND_LINE = 255;

    private final ImageFile file;
    private final int version;
    private final int setupBytes;

    private LinuxImage(ImageFile file) {
        this.file = file;
        if (file.u16(BOOT_FLAG, "boot_flag") != BOOT_FLAG_VALUE) {
            throw file.bad(BOOT_FLAG, "boot_flag", "is not 0xaa55");
        }
        if (file.u32(MAGIC, "header") != MAGIC_VALUE) {
            throw file.bad(MAGIC, "header", "is not \"HdrS\"");
        }
        version = file.u16(VERSION, "version");
        if (version < 0x202) {
            String found = String.format("protocol %d.%02d is older than 2.02", version >> 8, version & 0xff);
            throw file.bad(VERSION, "version", found);
        }
        if ((file.u8(LOAD_FLAGS, "loadflags") & LOADED_HIGH) == 0) {
            throw file.bad(LOAD_FLAGS, "loadflags", "a zImage, which is loaded low, is not supported");
        }
        int sectors = file.u8(HEADER, "setup_sects");
        setupBytes = (1 + (sectors == 0 ? DEFAULT_SETUP_SECTORS : sectors)) * SECTOR;
        file.check(setupBytes, 1, "setup_sects");
        if (headerEnd() > setupBytes) {
            throw file.bad(
                    JUMP_OFFSET, "jump", String.format("the header ends at %#x, behind the setup code", headerEnd()));
        }
        checkPlacement();
    }

    private void checkPlacement() {
        long alignment = alignment();
        if (relocatable() && (alignment == 0 || (alignment & alignment - 1) != 0)) {
            throw file.bad(KERNEL_ALIGNMENT, "kernel_alignment", String.format("%#x is no power of two", alignment));
        }
        if (initBytes() < 0 || start() < 0 || start() + initBytes() > 1L << 32) {
            String range = String.format("%#x with init_size %#x is beyond 4 GiB", start(), initBytes());
            throw file.bad(PREFERRED_ADDRESS, "pref_address", range);
        }
    }

    /** Whether the file says that it follows the protocol. */
    static boolean isLinux(ImageFile file) {
        return file.length() >= VERSION + 2
                && file.u16(BOOT_FLAG, "boot_flag") == BOOT_FLAG_VALUE
                && file.u32(MAGIC, "header") == MAGIC_VALUE;
    }

    /** @throws NestboxException naming the field that is wrong */
    static LinuxImage read(ImageFile file) {
        return new LinuxImage(file);
    }

    ImageFile file() {
        return file;
    }

    /** End of the setup header in the file: the byte behind its jump says how long it is. */
    int headerEnd() {
        return MAGIC + file.u8(JUMP_OFFSET, "jump");
    }

    /** Where the protected-mode kernel begins in the file. */
    int kernelOffset() {
        return setupBytes;
    }

    int kernelBytes() {
        return file.length() - setupBytes;
    }

    private boolean relocatable() {
        return version >= 0x205 && file.u8(RELOCATABLE, "relocatable_kernel") != 0;
    }

    private long alignment() {
        return version >= 0x205 ? file.u32(KERNEL_ALIGNMENT, "kernel_alignment") : 1;
    }

    /** Where the kernel wants to be: its preferred address, if it names one. */
    long start() {
        return version >= 0x20a ? file.u64(PREFERRED_ADDRESS, "pref_address") : HIGH;
    }

    /** The lowest address at which the kernel can run instead. */
    long lowestStart() {
        return relocatable() ? (HIGH + alignment() - 1) & -alignment() : start();
    }

    /** Memory from its start on that the kernel needs before it knows the memory map. */
    long initBytes() {
        return Math.max(kernelBytes(), version >= 0x20a ? file.u32(INIT_SIZE, "init_size") : 0);
    }

    /** The highest address that a byte of the initial RAM disk may have. */
    long initrdMax() {
        return version >= 0x203 ? file.u32(INITRD_ADDRESS_MAX, "initrd_addr_max") : OLD_INITRD_MAX;
    }

    /** Longest command line without its terminating zero. */
    long commandLineMax() {
        return version >= 0x206 ? file.u32(COMMAND_LINE_SIZE, "cmdline_size") : OLD_COMMAND_LINE;
    }

    /** Whether the kernel can be entered in 64-bit mode. */
    boolean has64BitEntry() {
        return version >= 0x20c && (file.u16(EXTENDED_LOAD_FLAGS, "xloadflags") & KERNEL_64) != 0;
    }

    /** Offset of the entry from the kernel's start. */
    static int entryOffset(boolean longMode) {
        return longMode ? ENTRY_64 : 0;
    }
}
