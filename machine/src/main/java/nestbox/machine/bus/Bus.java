package nestbox.machine.bus;

import nestbox.mmu.memory.MmioHandler;

/** Where a device registers what it decodes: all that it knows of the machine that hosts it. */
public interface Bus {
    /**
     * Decodes {@code count} ports from {@code first} on. Accesses wider than {@code width} bytes (1, 2 or 4) are split into
     * pieces of that width, as a bus bridge does; a later registration lies over an earlier one.
     */
    void mapPorts(int first, int count, int width, PortHandler handler);

    /** Gives the ports up again. */
    void unmapPorts(int first, int count, PortHandler handler);

    /** Decodes whole pages of physical memory. */
    void mapMmio(long start, long length, MmioHandler handler);

    void unmapMmio(long start);
}
