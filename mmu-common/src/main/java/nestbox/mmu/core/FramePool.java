package nestbox.mmu.core;

import java.util.Arrays;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * Frames from one stretch of host RAM, lowest first; freed ones are used again last-in first-out. Frames below 4 GiB come from
 * the same stretch, which should begin there.
 */
public final class FramePool implements HostFrames {
    /** Told of each write before it happens. */
    @FunctionalInterface
    public interface WriteListener {
        void beforeWrite(long hpa, int bytes, long value);
    }

    private static final int PAGE = 4096;
    private static final long FOUR_GIB = 1L << 32;
    private static final byte[] ZEROS = new byte[PAGE];

    private final PhysicalMemory memory;
    private final long end;
    private long next;
    private long[] free = new long[64];
    private int freeCount;
    private int used;
    private WriteListener listener;

    /** @param start first byte of the stretch, which must be RAM of {@code memory}; both numbers are multiples of 4096 */
    public FramePool(PhysicalMemory memory, long start, long length) {
        this.memory = memory;
        next = start;
        end = start + length;
    }

    /** Tells {@code newListener} of every write from now on; null for none. */
    public void listen(WriteListener newListener) {
        listener = newListener;
    }

    /** Frames that are allocated. */
    public int used() {
        return used;
    }

    @Override
    public long allocate() {
        if (freeCount > 0) {
            return take(freeCount - 1);
        }
        return fresh();
    }

    @Override
    public long allocateBelow4GiB() {
        for (int i = freeCount - 1; i >= 0; i--) {
            if (free[i] < FOUR_GIB) {
                return take(i);
            }
        }
        if (next >= FOUR_GIB) {
            throw new OutOfFramesException("no frame below 4 GiB is left for the tables of the hypervisor");
        }
        return fresh();
    }

    private long take(int index) {
        long hpa = free[index];
        free[index] = free[--freeCount];
        used++;
        memory.copyIn(hpa, ZEROS, 0, PAGE);
        return hpa;
    }

    private long fresh() {
        if (next >= end) {
            throw new OutOfFramesException("no frame is left for the tables of the hypervisor: " + used + " used");
        }
        long hpa = next;
        next += PAGE;
        used++;
        memory.copyIn(hpa, ZEROS, 0, PAGE);
        return hpa;
    }

    @Override
    public void free(long hpa) {
        if (freeCount == free.length) {
            free = Arrays.copyOf(free, 2 * freeCount);
        }
        free[freeCount++] = hpa;
        used--;
    }

    @Override
    public long read(long hpa, int bytes) {
        return memory.read(hpa, bytes);
    }

    @Override
    public void write(long hpa, int bytes, long value) {
        if (listener != null) {
            listener.beforeWrite(hpa, bytes, value);
        }
        memory.write(hpa, bytes, value);
    }
}
