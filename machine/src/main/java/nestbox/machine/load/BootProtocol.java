package nestbox.machine.load;

/** How an image wants to be started; told from the image alone. */
public enum BootProtocol {
    /** A Multiboot 1 header in the first 8 KiB. */
    MULTIBOOT,
    /** A bzImage: the setup header of the Linux boot protocol. */
    LINUX,
    /** A ROM image that ends with the reset vector below 4 GiB. */
    BIOS;

    private static final int ROM_UNIT = 0x10000;
    private static final int LARGEST_ROM = 0x1000000;
    private static final int VECTOR = 16;

    /**
     * The protocol of an image. What looks like none of them is called {@link #MULTIBOOT}, whose loader then says what is
     * missing.
     */
    public static BootProtocol of(ImageFile file) {
        if (LinuxImage.isLinux(file)) {
            return LINUX;
        }
        return MultibootHeader.find(file) < 0 && isRom(file) ? BIOS : MULTIBOOT;
    }

    /** Whether the size is a ROM's and a jump stands at the reset vector, 16 bytes before the end. */
    private static boolean isRom(ImageFile file) {
        int length = file.length();
        if (length == 0 || length % ROM_UNIT != 0 || length > LARGEST_ROM) {
            return false;
        }
        int opcode = file.u8(length - VECTOR, "reset vector");
        return opcode == 0xea || opcode == 0xe9 || opcode == 0xeb;
    }
}
