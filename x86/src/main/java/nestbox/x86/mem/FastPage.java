package nestbox.x86.mem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A page of guest data and where its bytes are: one entry of the fast path of {@link Memory}. Its loads and stores are good only for
 * the access that {@link Memory#readable} or {@link Memory#writable} returned it for. Loads are zero-extended.
 */
public final class FastPage {
    /** A tag that no page has: the low bits of a real tag are 0. */
    static final long EMPTY = 1;

    static final long PAGE = ~0xfffL;

    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    long tag = EMPTY;
    byte[] data;
    /** The byte at linear address {@code a} is {@code data[(int) a + addend]}. */
    private int addend;

    FastPage() {}

    static FastPage[] table(int entries) {
        FastPage[] pages = new FastPage[entries];
        for (int i = 0; i < entries; i++) {
            pages[i] = new FastPage();
        }
        return pages;
    }

    void set(long linear, byte[] bytes, int offset) {
        tag = linear & PAGE;
        data = bytes;
        addend = offset - (int) tag;
    }

    void drop(long linear, long mask) {
        if ((tag & mask) == linear) {
            tag = EMPTY;
        }
    }

    /** Whether this is a translation to the page that begins at {@code bytes[offset]}. */
    boolean leadsTo(byte[] bytes, int offset) {
        return data == bytes && addend + (int) tag == offset;
    }

    /** Place of a linear address in {@link #data}. */
    int at(long linear) {
        return (int) linear + addend;
    }

    public long load8(long linear) {
        return data[at(linear)] & 0xffL;
    }

    public long load16(long linear) {
        return (short) SHORT.get(data, at(linear)) & 0xffffL;
    }

    public long load32(long linear) {
        return (int) INT.get(data, at(linear)) & 0xffffffffL;
    }

    public long load64(long linear) {
        return (long) LONG.get(data, at(linear));
    }

    public void store8(long linear, long value) {
        data[at(linear)] = (byte) value;
    }

    public void store16(long linear, long value) {
        SHORT.set(data, at(linear), (short) value);
    }

    public void store32(long linear, long value) {
        INT.set(data, at(linear), (int) value);
    }

    /** Stores a byte {@code count} times, from {@code linear} on. */
    public void fill8(long linear, int count, long value) {
        int from = at(linear);
        Arrays.fill(data, from, from + count, (byte) value);
    }

    public void store64(long linear, long value) {
        LONG.set(data, at(linear), value);
    }
}
