package nestbox.machine.bus;

import nestbox.mmu.memory.MmioHandler;

/** A bus for device tests: ports work, memory is left to the test. */
public final class RecordingBus implements Bus {
    public final PortBus ports = new PortBus();

    @Override
    public void mapPorts(int first, int count, int width, PortHandler handler) {
        ports.map(first, count, width, handler);
    }

    @Override
    public void unmapPorts(int first, int count, PortHandler handler) {
        ports.unmap(first, count, handler);
    }

    @Override
    public void mapMmio(long start, long length, MmioHandler handler) {}

    @Override
    public void unmapMmio(long start) {}

    public int in8(int port) {
        return (int) ports.in(port, 1);
    }

    public void out8(int port, int value) {
        ports.out(port, 1, value);
    }
}
