package nestbox.svm.world;

import nestbox.mmu.memory.PhysicalMemory;

/** The I/O and MSR permission maps in physical memory (APM Vol. 2, "IOIO Intercepts", "MSR Intercepts"). */
public final class PermissionMaps {
    private static final int RANGE = 0x2000;
    private static final int RANGE_BYTES = 0x800;

    private PermissionMaps() {}

    /** Whether any port of an access is intercepted; the map has a bit a port and goes on behind port FFFFh. */
    public static boolean port(PhysicalMemory memory, long map, int port, int bytes) {
        long bits = memory.read(map + (port >> 3), 1) | memory.read(map + (port >> 3) + 1, 1) << 8;
        return (bits >>> (port & 7) & (1L << bytes) - 1) != 0;
    }

    /** Whether an access to an MSR is intercepted; those outside the three ranges of the map always are. */
    public static boolean msr(PhysicalMemory memory, long map, int index, boolean write) {
        int range;
        if (index >= 0 && index < RANGE) {
            range = 0;
        } else if (index >= 0xc0000000 && index < 0xc0000000 + RANGE) {
            range = 1;
        } else if (index >= 0xc0010000 && index < 0xc0010000 + RANGE) {
            range = 2;
        } else {
            return true;
        }
        int bit = 2 * (index & RANGE - 1) + (write ? 1 : 0);
        return (memory.read(map + range * RANGE_BYTES + (bit >> 3), 1) >>> (bit & 7) & 1) != 0;
    }
}
