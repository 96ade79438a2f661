package nestbox.l0;

import nestbox.mmu.core.FramePool;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * The host's physical memory: L0's own frames below {@link #GUEST_BASE}, and above it the guest's memory at a seeded offset, so
 * that a guest-physical address that is used as a host-physical one always shows.
 */
public final class HostMemory {
    /** Bytes for L0's tables and control structures, from {@link #FRAMES} on. */
    private static final long FRAME_BYTES = 1L << 30;

    private static final long FRAMES = 1 << 20;
    /** The guest's memory begins at this address at the lowest. */
    static final long GUEST_BASE = 1L << 32;

    private static final long LARGE_PAGE = 2 << 20;
    private static final int OFFSETS = 1 << 10;
    private static final int MOST_GUEST_BITS = 39;

    private final PhysicalMemory memory;
    private final FramePool frames;
    private final long guestOffset;

    /**
     * @param physicalBits MAXPHYADDR of the host
     * @param seed chooses the guest's offset
     */
    HostMemory(int physicalBits, long seed) {
        memory = new PhysicalMemory(physicalBits);
        memory.mapRam(FRAMES, FRAME_BYTES);
        frames = new FramePool(memory, FRAMES, FRAME_BYTES);
        long choice = (seed * 0x9e3779b97f4a7c15L >>> 40) % OFFSETS;
        guestOffset = GUEST_BASE + (1 + choice) * LARGE_PAGE;
    }

    /** Lets the guest's memory appear, as much of it as there are host-physical addresses for. */
    void back(PhysicalMemory guest) {
        long most = Math.min(MOST_GUEST_BITS, guest.physicalBits());
        memory.share(guest, guestOffset, Math.min(1L << most, (1L << memory.physicalBits()) - guestOffset));
    }

    public PhysicalMemory memory() {
        return memory;
    }

    public FramePool frames() {
        return frames;
    }

    /** Host-physical address of guest-physical address 0. */
    public long guestOffset() {
        return guestOffset;
    }
}
