package nestbox.mmu.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian values of 1, 2, 4 or 8 bytes in a byte array, at any alignment. */
public final class LittleEndian {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private LittleEndian() {}

    /** The value at {@code at}, zero-extended. */
    public static long get(byte[] data, int at, int bytes) {
        switch (bytes) {
            case 1:
                return data[at] & 0xffL;
            case 2:
                return (short) SHORT.get(data, at) & 0xffffL;
            case 4:
                return (int) INT.get(data, at) & 0xffffffffL;
            default:
                return (long) LONG.get(data, at);
        }
    }

    /** Stores the low {@code bytes} bytes of {@code value}. */
    public static void set(byte[] data, int at, int bytes, long value) {
        switch (bytes) {
            case 1:
                data[at] = (byte) value;
                break;
            case 2:
                SHORT.set(data, at, (short) value);
                break;
            case 4:
                INT.set(data, at, (int) value);
                break;
            default:
                LONG.set(data, at, value);
                break;
        }
    }
}
