package nestbox.vmx.vmcs;

import java.util.Arrays;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.memory.LittleEndian;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Flags;

/**
 * The processor's copy of one active VMCS. VMPTRLD fills it from memory; VMCLEAR writes it back, and so does making another VMCS
 * current. In between memory is not touched: software that looks at the region of an active VMCS sees old data, which the manual
 * allows (SDM Vol. 3, sections "Software Use of Virtual-Machine Control
 * Structures" and "Software Access to the VMCS"). The launch state lies in the region and survives.
 *
 * <p>Values are kept zero-extended, by {@link VmcsField#ordinal()}. Each store marks the check groups that read the field
 * as stale.
 */
public final class Vmcs implements Stateful {
    public static final int CLEAR = 0;
    public static final int LAUNCHED = 1;

    private static final VmcsField[] FIELDS = VmcsField.values();

    private final long[] values = new long[VmcsField.count()];
    private final long[] dirty = new long[VmcsField.count() + 63 >> 6];
    private final long[] readers;
    private final long address;
    private int launchState;
    private boolean launchStateChanged;
    private boolean shadow;
    private int revision;
    private long stale = -1;

    /**
     * @param address physical address of the region
     * @param readers for each field by ordinal, the set of groups that {@link #stale} names when it is stored to
     */
    public Vmcs(long address, long[] readers) {
        this.address = address;
        this.readers = readers;
    }

    public long address() {
        return address;
    }

    /** What a region is read from. */
    private interface Source {
        long read(int offset, int bytes);
    }

    /** Takes everything from memory. */
    public void load(PhysicalMemory memory) {
        take((offset, bytes) -> memory.read(address + offset, bytes));
        Arrays.fill(dirty, 0);
        launchStateChanged = false;
    }

    /** Takes everything from a region that is not in memory; all of it is written back later. */
    public void load(byte[] page) {
        take((offset, bytes) -> LittleEndian.get(page, offset, bytes));
        for (int i = 0; i < FIELDS.length; i++) {
            dirty[i >> 6] |= 1L << i;
        }
        launchStateChanged = true;
    }

    private void take(Source region) {
        int first = (int) region.read(VmcsLayout.REVISION, 4);
        revision = first & ~VmcsLayout.SHADOW_INDICATOR;
        shadow = (first & VmcsLayout.SHADOW_INDICATOR) != 0;
        launchState = (int) region.read(VmcsLayout.LAUNCH_STATE, 4);
        for (VmcsField field : FIELDS) {
            values[field.ordinal()] =
                    region.read(VmcsLayout.offset(field), field.width().bytes()) & field.mask();
        }
        stale = -1;
    }

    /** The whole region as {@link #writeBack} would leave it. */
    public byte[] region() {
        byte[] page = new byte[VmcsLayout.REGION];
        LittleEndian.set(page, VmcsLayout.REVISION, 4, revision | (shadow ? VmcsLayout.SHADOW_INDICATOR : 0));
        LittleEndian.set(page, VmcsLayout.LAUNCH_STATE, 4, launchState);
        for (VmcsField field : FIELDS) {
            LittleEndian.set(page, VmcsLayout.offset(field), field.width().bytes(), values[field.ordinal()]);
        }
        return page;
    }

    /** Writes what changed since {@link #load} or the last call back to memory. */
    public void writeBack(PhysicalMemory memory) {
        for (int word = 0; word < dirty.length; word++) {
            for (long left = dirty[word]; left != 0; left &= left - 1) {
                VmcsField field = FIELDS[word << 6 | Long.numberOfTrailingZeros(left)];
                memory.write(address + VmcsLayout.offset(field), field.width().bytes(), values[field.ordinal()]);
            }
        }
        if (launchStateChanged) {
            memory.write(address + VmcsLayout.LAUNCH_STATE, 4, launchState);
        }
        Arrays.fill(dirty, 0);
        launchStateChanged = false;
    }

    /** Writes the copy, which memory need not agree with. */
    @Override
    public void save(StateWriter out) {
        out.section("vmcs").writeLongs(values).writeLongs(dirty).writeInt(launchState);
        out.writeBoolean(launchStateChanged).writeBoolean(shadow).writeInt(revision);
    }

    /** Reads back what {@link #save} wrote; every check group is stale. */
    @Override
    public void restore(StateReader in) {
        in.section("vmcs");
        in.readLongs(values);
        in.readLongs(dirty);
        launchState = in.readInt();
        launchStateChanged = in.readBoolean();
        shadow = in.readBoolean();
        revision = in.readInt();
        stale = -1;
    }

    /** A field's value, zero-extended. */
    public long get(VmcsField field) {
        return values[field.ordinal()];
    }

    /** Stores to a field; bits beyond its width are lost. */
    public void set(VmcsField field, long value) {
        int i = field.ordinal();
        long masked = value & field.mask();
        long changed = values[i] ^ masked;
        if (changed != 0) {
            values[i] = masked;
            dirty[i >> 6] |= 1L << i;
            if (field != VmcsField.GUEST_RFLAGS || (changed & ~(long) Flags.ARITHMETIC) != 0) {
                // No check reads an arithmetic flag, and they change all the time.
                stale |= readers[i];
            }
        }
    }

    public int launchState() {
        return launchState;
    }

    public void setLaunchState(int state) {
        launchStateChanged |= launchState != state;
        launchState = state;
    }

    /** Whether the region is marked as a shadow VMCS. */
    public boolean shadow() {
        return shadow;
    }

    /** Bits 30:0 of the region's first word. */
    public int revision() {
        return revision;
    }

    /** Groups that read a field which was stored to since {@link #markFresh} named them. */
    public long stale() {
        return stale;
    }

    public void markFresh(long groups) {
        stale &= ~groups;
    }
}
