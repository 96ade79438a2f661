package nestbox.machine.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import nestbox.core.NestboxException;

/** The bytes of a file with bounds-checked little-endian reads: every refusal names file, offset and field. */
public final class ImageFile {
    private final String name;
    private final byte[] bytes;

    public ImageFile(String name, byte[] bytes) {
        this.name = name;
        this.bytes = bytes;
    }

    /** Reads a whole file; a {@link NestboxException} says why it could not be opened. */
    public static ImageFile open(Path path) {
        try {
            return new ImageFile(path.toString(), Files.readAllBytes(path));
        } catch (IOException | OutOfMemoryError e) {
            throw new NestboxException(path.toString(), "could not open or load file: " + reason(e), e);
        }
    }

    private static String reason(Throwable e) {
        if (e instanceof java.nio.file.NoSuchFileException) {
            return "no such file";
        }
        if (e instanceof java.nio.file.AccessDeniedException) {
            return "permission denied";
        }
        return String.valueOf(e.getMessage());
    }

    public String name() {
        return name;
    }

    public byte[] bytes() {
        return bytes;
    }

    public int length() {
        return bytes.length;
    }

    public int u8(long offset, String field) {
        check(offset, 1, field);
        return bytes[(int) offset] & 0xff;
    }

    public int u16(long offset, String field) {
        check(offset, 2, field);
        return (bytes[(int) offset] & 0xff) | (bytes[(int) offset + 1] & 0xff) << 8;
    }

    public long u32(long offset, String field) {
        check(offset, 4, field);
        return u16(offset, field) | (long) u16(offset + 2, field) << 16;
    }

    public long u64(long offset, String field) {
        check(offset, 8, field);
        return u32(offset, field) | u32(offset + 4, field) << 32;
    }

    /** Refuses a range that does not lie in the file. */
    public void check(long offset, long length, String field) {
        if (offset < 0 || length < 0 || offset > bytes.length || length > bytes.length - offset) {
            String message =
                    String.format("%d bytes at %#x are beyond the file's end %#x", length, offset, bytes.length);
            throw bad(offset, field, message);
        }
    }

    public NestboxException bad(long offset, String field, String message) {
        return new NestboxException(name, String.format("offset %#x, %s: %s", offset, field, message));
    }
}
