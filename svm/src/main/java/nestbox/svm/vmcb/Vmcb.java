package nestbox.svm.vmcb;

import java.util.Arrays;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.memory.LittleEndian;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * A VMCB in physical memory, found once and then read and written in place. A page that is no plain RAM (ROM, MMIO, a hole, code)
 * is worked on as a copy, which {@link #commit} writes back through the memory's own rules.
 */
public final class Vmcb {
    public static final int BYTES = 4096;

    /** What any field lies in; VMRUN and #VMEXIT touch nothing behind. */
    public static final int USED = 0x700;

    private final PhysicalMemory memory;
    private byte[] copy;
    private byte[] data;
    private int base;
    private long address = -1;
    private boolean copied;

    public Vmcb(PhysicalMemory memory) {
        this.memory = memory;
    }

    /** A VMCB outside memory, all zero: what a processor or a tool keeps for itself. */
    public static Vmcb detached() {
        Vmcb vmcb = new Vmcb(null);
        vmcb.data = new byte[USED];
        return vmcb;
    }

    /** Takes over all fields of another. */
    public void copy(Vmcb from) {
        System.arraycopy(from.data, from.base, data, base, USED);
    }

    public void save(StateWriter out) {
        out.writeLong(address).writeBytes(data, base, USED);
    }

    /** Reads what {@link #save} wrote of a detached one. */
    public void restore(StateReader in) {
        address = in.readLong();
        in.readBytes(data, base, USED);
    }

    /** Names the address that a detached one stands for. */
    public void standFor(long physical) {
        address = physical;
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
            memory.copyIn(address, copy, 0, USED);
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
