package nestbox.svm.vmcb;

import java.util.Arrays;
import nestbox.mmu.memory.LittleEndian;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * A VMCB in physical memory, found once and then read and written in place. A page that is no plain RAM (ROM, MMIO, a hole, code)
 * is worked on as a copy, which {@link #commit} writes back through the memory's own rules.
 */
public final class Vmcb {
    public static final int BYTES = 4096;

    private static final int WRITTEN = 0x700;

    private final PhysicalMemory memory;
    private byte[] copy;
    private byte[] data;
    private int base;
    private long address = -1;
    private boolean copied;

    public Vmcb(PhysicalMemory memory) {
        this.memory = memory;
    }

    /** Physical address, -1 before the first {@link #attach}. */
    public long address() {
        return address;
    }

    /** Turns to the page at {@code physical}. */
    public void attach(long physical) {
        address = physical;
        byte[] backing = memory.backing(physical);
        copied = backing == null || !memory.plainRam(physical);
        if (copied) {
            if (copy == null) {
                copy = new byte[BYTES];
            }
            Arrays.fill(copy, (byte) -1);
            if (backing != null) {
                memory.copyOut(physical, copy, 0, BYTES);
            }
            data = copy;
            base = 0;
        } else {
            data = backing;
            base = (int) physical & PhysicalMemory.CHUNK_MASK;
        }
    }

    /** Attaches again what may have become code or moved since, so that writes go where they must. */
    public void reattach() {
        attach(address);
    }

    /** Writes a copy back; nothing for a page that was worked on in place. */
    public void commit() {
        if (copied) {
            memory.copyIn(address, copy, 0, WRITTEN);
        }
    }

    public long get(VmcbField field) {
        return get(field.offset(), field.bytes());
    }

    public void set(VmcbField field, long value) {
        set(field.offset(), field.bytes(), value);
    }

    public int selector(VmcbSegment segment) {
        return (int) get(segment.offset(), 2);
    }

    public int attributes(VmcbSegment segment) {
        return (int) get(segment.offset() + 2, 2);
    }

    public long limit(VmcbSegment segment) {
        return get(segment.offset() + 4, 4);
    }

    public long base(VmcbSegment segment) {
        return get(segment.offset() + 8, 8);
    }

    public void setSegment(VmcbSegment segment, int selector, int attributes, long limit, long segmentBase) {
        int offset = segment.offset();
        set(offset, 2, selector);
        set(offset + 2, 2, attributes);
        set(offset + 4, 4, limit);
        set(offset + 8, 8, segmentBase);
    }

    /** Zero-extended value of 1, 2, 4 or 8 bytes. */
    public long get(int offset, int bytes) {
        return LittleEndian.get(data, base + offset, bytes);
    }

    public void set(int offset, int bytes, long value) {
        LittleEndian.set(data, base + offset, bytes, value);
    }
}
