package nestbox.core;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Writes machine state as named sections of fixed-width big-endian values. */
public final class StateWriter {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(bytes);

    /** Starts a section; the reader refuses a stream whose section has another name. */
    public StateWriter section(String name) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        return writeInt(utf8.length).writeBytes(utf8, 0, utf8.length);
    }

    public StateWriter writeBoolean(boolean value) {
        return writeInt(value ? 1 : 0);
    }

    public StateWriter writeInt(int value) {
        try {
            out.writeInt(value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    public StateWriter writeLong(long value) {
        try {
            out.writeLong(value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    /** Length first, then the values. */
    public StateWriter writeLongs(long[] values) {
        writeInt(values.length);
        for (long value : values) {
            writeLong(value);
        }
        return this;
    }

    /** Length first, then the values. */
    public StateWriter writeInts(int[] values) {
        writeInt(values.length);
        for (int value : values) {
            writeInt(value);
        }
        return this;
    }

    /** The bytes alone, without their length. */
    public StateWriter writeBytes(byte[] source, int offset, int length) {
        try {
            out.write(source, offset, length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    public byte[] toByteArray() {
        return bytes.toByteArray();
    }
}
