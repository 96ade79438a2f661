package nestbox.core;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Reads what a {@link StateWriter} wrote; a stream of another shape is a {@link NestboxException}. */
public final class StateReader {
    private final ByteBuffer in;

    public StateReader(byte[] state) {
        in = ByteBuffer.wrap(state);
    }

    public void section(String name) {
        int at = in.position();
        byte[] expected = name.getBytes(StandardCharsets.UTF_8);
        byte[] found = new byte[Math.max(0, Math.min(readInt(), in.remaining()))];
        in.get(found);
        if (!java.util.Arrays.equals(expected, found)) {
            throw new NestboxException(
                    "state",
                    "offset " + at + ": expected section '" + name + "', found '"
                            + new String(found, StandardCharsets.UTF_8) + "'");
        }
    }

    public boolean readBoolean() {
        return readInt() != 0;
    }

    public int readInt() {
        try {
            return in.getInt();
        } catch (BufferUnderflowException e) {
            throw truncated();
        }
    }

    /** A number from {@code least} to {@code most}. */
    public int readInt(int least, int most) {
        int at = in.position();
        int value = readInt();
        if (value < least || value > most) {
            throw new NestboxException("state", "offset " + at + ": " + value + " is not " + least + " to " + most);
        }
        return value;
    }

    /** A number of things that follow, of which each takes a byte at least. */
    public int readCount() {
        int at = in.position();
        int count = readInt();
        if (count < 0 || count > in.remaining()) {
            throw new NestboxException("state", "offset " + at + ": " + count + " things cannot follow");
        }
        return count;
    }

    /** An index into what has so many places. */
    public int readIndex(int places) {
        int at = in.position();
        int index = readInt();
        if (index < 0 || index >= places) {
            throw new NestboxException("state", "offset " + at + ": expected less than " + places + ", found " + index);
        }
        return index;
    }

    public long readLong() {
        try {
            return in.getLong();
        } catch (BufferUnderflowException e) {
            throw truncated();
        }
    }

    /** Fills {@code target}, whose length must equal the written one. */
    public void readLongs(long[] target) {
        checkLength(target.length);
        for (int i = 0; i < target.length; i++) {
            target[i] = readLong();
        }
    }

    /** Fills {@code target}, whose length must equal the written one. */
    public void readInts(int[] target) {
        checkLength(target.length);
        for (int i = 0; i < target.length; i++) {
            target[i] = readInt();
        }
    }

    public void readBytes(byte[] target, int offset, int length) {
        try {
            in.get(target, offset, length);
        } catch (BufferUnderflowException e) {
            throw truncated();
        }
    }

    private void checkLength(int expected) {
        int at = in.position();
        int found = readInt();
        if (found != expected) {
            throw new NestboxException("state", "offset " + at + ": expected " + expected + " values, found " + found);
        }
    }

    private NestboxException truncated() {
        return new NestboxException("state", "ends at offset " + in.position());
    }
}
