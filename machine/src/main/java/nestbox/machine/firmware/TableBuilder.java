package nestbox.machine.firmware;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Builds a firmware table byte by byte, little-endian, with the ACPI header and checksum. */
final class TableBuilder {
    static final int HEADER = 36;
    private static final int CHECKSUM = 9;
    private static final int LENGTH = 4;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** Starts with an ACPI system description header, whose length and checksum {@link #acpi} fills in. */
    static TableBuilder table(String signature, int revision) {
        return new TableBuilder()
                .text(signature, 4)
                .u32(0)
                .u8(revision)
                .u8(0)
                .text("NESTBX", 6)
                .text("NESTBOX", 8)
                .u32(1)
                .text("NSTB", 4)
                .u32(1);
    }

    TableBuilder u8(int value) {
        bytes.write(value);
        return this;
    }

    TableBuilder u16(int value) {
        return u8(value).u8(value >>> 8);
    }

    TableBuilder u32(long value) {
        return u16((int) value).u16((int) (value >>> 16));
    }

    TableBuilder u64(long value) {
        return u32(value).u32(value >>> 32);
    }

    /** ASCII text padded with zeros to {@code length}. */
    TableBuilder text(String text, int length) {
        byte[] ascii = java.util.Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), length);
        bytes.write(ascii, 0, length);
        return this;
    }

    TableBuilder bytes(byte[] more) {
        bytes.write(more, 0, more.length);
        return this;
    }

    TableBuilder zeros(int count) {
        return bytes(new byte[count]);
    }

    /** A generic address structure for system I/O. */
    TableBuilder ioAddress(int port, int bits) {
        return u8(1).u8(bits).u8(0).u8(0).u64(port);
    }

    byte[] raw() {
        return bytes.toByteArray();
    }

    /** The finished ACPI table. */
    byte[] acpi() {
        byte[] table = raw();
        for (int i = 0; i < 4; i++) {
            table[LENGTH + i] = (byte) (table.length >>> (8 * i));
        }
        table[CHECKSUM] = checksum(table, table.length);
        return table;
    }

    /** The byte that makes the sum of the first {@code length} bytes 0, assuming that it is 0 now. */
    static byte checksum(byte[] table, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += table[i];
        }
        return (byte) -sum;
    }
}
