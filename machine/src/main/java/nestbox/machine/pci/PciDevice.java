package nestbox.machine.pci;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/** The configuration space of one PCI function: bytes with a mask of what software may change (PCI Local Bus Specification). */
final class PciDevice implements Stateful {
    static final int SIZE = 256;
    private final String name;
    private final byte[] space = new byte[SIZE];
    private final byte[] initial = new byte[SIZE];
    private final byte[] writable = new byte[SIZE];

    PciDevice(String name, int vendor, int device, int classCode, int headerType) {
        this.name = name;
        set(0, 2, vendor);
        set(2, 2, device);
        set(9, 3, classCode);
        set(0xe, 1, headerType);
        allow(4, 2, 0x107);
        allow(0x3c, 1, 0xff);
    }

    /** Sets an initial value. */
    PciDevice set(int offset, int bytes, long value) {
        for (int i = 0; i < bytes; i++) {
            initial[offset + i] = (byte) (value >>> (8 * i));
            space[offset + i] = initial[offset + i];
        }
        return this;
    }

    /** Lets software change the bits of {@code mask}. */
    PciDevice allow(int offset, int bytes, long mask) {
        for (int i = 0; i < bytes; i++) {
            writable[offset + i] = (byte) (mask >>> (8 * i));
        }
        return this;
    }

    void reset() {
        System.arraycopy(initial, 0, space, 0, SIZE);
    }

    long read(int offset, int bytes) {
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (space[offset + i] & 0xffL) << (8 * i);
        }
        return value;
    }

    void write(int offset, int bytes, long value) {
        for (int i = 0; i < bytes; i++) {
            int mask = writable[offset + i];
            space[offset + i] = (byte) (space[offset + i] & ~mask | (int) (value >>> (8 * i)) & mask);
        }
    }

    /** Sets one byte whatever software may change. */
    void store(int offset, int value) {
        space[offset] = (byte) value;
    }

    @Override
    public void save(StateWriter out) {
        out.section("pci-" + name).writeBytes(space, 0, SIZE);
    }

    @Override
    public void restore(StateReader in) {
        in.section("pci-" + name);
        in.readBytes(space, 0, SIZE);
    }
}
