package nestbox.l0;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import nestbox.core.NestboxException;

/**
 * {@code struct kvm_nested_state}, what KVM_GET_NESTED_STATE gives and KVM_SET_NESTED_STATE takes: flags (16 bits), format (16),
 * size (32), a vendor's header up to byte 128, then the vendor's data (facts D.10, E.5). Little-endian.
 */
public final class NestedState {
    /** L2 runs. */
    public static final int GUEST_MODE = 1;
    /** L1's entry is done, but L2 has not executed anything yet. */
    public static final int RUN_PENDING = 2;
    /** An enlightened VMCS is in use. */
    public static final int EVMCS = 4;
    /** A monitor-trap-flag exit is due. */
    public static final int MTF_PENDING = 8;
    /** GIF is set. */
    public static final int GIF_SET = 0x100;

    public static final int FORMAT_VMX = 0;
    public static final int FORMAT_SVM = 1;

    /** Where the data begins. */
    public static final int HEADER = 128;
    /** Of one control structure. */
    public static final int PAGE = 4096;

    private static final int FLAGS = 0;
    private static final int FORMAT = 2;
    private static final int SIZE = 4;

    private final ByteBuffer bytes;

    private NestedState(ByteBuffer bytes) {
        this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
    }

    /** An empty one with room for some pages of data. */
    public static NestedState of(int format, int flags, int pages) {
        NestedState state = new NestedState(ByteBuffer.allocate(HEADER + pages * PAGE));
        state.bytes.putShort(FLAGS, (short) flags).putShort(FORMAT, (short) format);
        state.bytes.putInt(SIZE, state.bytes.capacity());
        return state;
    }

    /** @throws NestboxException if it is shorter than the header or than it says itself */
    public static NestedState parse(byte[] from) {
        NestedState state = new NestedState(ByteBuffer.wrap(from.clone()));
        if (from.length < HEADER || state.size() < HEADER || state.size() > from.length) {
            throw new NestboxException(
                    "nested state", "EINVAL: size: " + from.length + " bytes are no whole structure");
        }
        return state;
    }

    public byte[] toBytes() {
        return bytes.array().clone();
    }

    public int flags() {
        return bytes.getShort(FLAGS) & 0xffff;
    }

    public boolean has(int flag) {
        return (flags() & flag) != 0;
    }

    public int format() {
        return bytes.getShort(FORMAT) & 0xffff;
    }

    public int size() {
        return bytes.getInt(SIZE);
    }

    public long get(int offset, int width) {
        return switch (width) {
            case 2 -> bytes.getShort(offset) & 0xffff;
            case 4 -> bytes.getInt(offset) & 0xffffffffL;
            default -> bytes.getLong(offset);
        };
    }

    public void set(int offset, int width, long value) {
        switch (width) {
            case 2 -> bytes.putShort(offset, (short) value);
            case 4 -> bytes.putInt(offset, (int) value);
            default -> bytes.putLong(offset, value);
        }
    }

    /** A page of the data. */
    public byte[] page(int number) {
        byte[] page = new byte[PAGE];
        bytes.get(HEADER + number * PAGE, page);
        return page;
    }

    public void setPage(int number, byte[] page) {
        bytes.put(HEADER + number * PAGE, page, 0, PAGE);
    }

    /** The refusal of a state by a check. */
    public static NestboxException refused(String check, String meaning) {
        return new NestboxException("nested state", "EINVAL: " + check + ": " + meaning);
    }
}
