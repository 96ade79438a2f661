package nestbox.machine;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes an archive that Linux unpacks as its first file system (Linux documentation, "initramfs buffer format": cpio of the "newc"
 * kind).
 */
final class InitialRamDisk {
    private static final int DIRECTORY = 0040755;
    private static final int EXECUTABLE = 0100755;
    private static final int CHARACTER_DEVICE = 0020600;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int inode = 1;

    InitialRamDisk directory(String name) {
        return entry(name, DIRECTORY, new byte[0], 0, 0);
    }

    /** An executable file. */
    InitialRamDisk program(String name, byte[] content) {
        return entry(name, EXECUTABLE, content, 0, 0);
    }

    InitialRamDisk characterDevice(String name, int major, int minor) {
        return entry(name, CHARACTER_DEVICE, new byte[0], major, minor);
    }

    byte[] finish() {
        entry("TRAILER!!!", 0, new byte[0], 0, 0);
        return out.toByteArray();
    }

    private InitialRamDisk entry(String name, int mode, byte[] content, int major, int minor) {
        byte[] path = (name + "\0").getBytes(StandardCharsets.US_ASCII);
        // Magic, then inode, mode, user, group, links, time, size, device, special device, length of the name,
        // checksum.
        int[] fields = {inode++, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, path.length, 0};
        StringBuilder header = new StringBuilder("070701");
        for (int field : fields) {
            header.append(String.format("%08x", field));
        }
        out.writeBytes(header.toString().getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(path);
        pad();
        out.writeBytes(content);
        pad();
        return this;
    }

    private void pad() {
        while (out.size() % 4 != 0) {
            out.write(0);
        }
    }
}
