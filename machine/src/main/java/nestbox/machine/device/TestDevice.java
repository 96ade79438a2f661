package nestbox.machine.device;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortHandler;
import nestbox.mmu.memory.MmioHandler;

/**
 * QEMU's pc-testdev: a scratch register at ports E0h to E3h and E8h, a port that flushes a page (E4h), a port for every
 * interrupt line, and 64 KiB of registers in memory.
 */
public final class TestDevice implements PortHandler, MmioHandler, Stateful {
    public static final long MEMORY = 0xff000000L;
    private static final int MEMORY_BYTES = 0x10000;
    private static final int SCRATCH = 0xe0;
    private static final int FLUSH = 0xe4;
    private static final int SCRATCH_BYTE = 0xe8;
    private static final int LINES = 0x2000;
    private static final int LINE_COUNT = 24;

    private final InterruptSink lines;
    private final byte[] memory = new byte[MEMORY_BYTES];
    private long scratch;
    private int levels;

    public TestDevice(InterruptSink lines) {
        this.lines = lines;
    }

    public void attach(Bus bus) {
        bus.mapPorts(SCRATCH, 4, 4, this);
        bus.mapPorts(FLUSH, 4, 4, this);
        bus.mapPorts(SCRATCH_BYTE, 1, 1, this);
        bus.mapPorts(LINES, LINE_COUNT, 1, this);
        bus.mapMmio(MEMORY, MEMORY_BYTES, this);
    }

    @Override
    public long in(int port, int bytes) {
        if (port >= LINES) {
            return levels >>> (port - LINES) & 1;
        }
        if (port == SCRATCH_BYTE) {
            return scratch & 0xff;
        }
        return port < FLUSH ? scratch >>> (8 * (port - SCRATCH)) : 0;
    }

    /** A flush makes QEMU unmap and map the page again; physical memory here has nothing to forget. */
    @Override
    public void out(int port, int bytes, long value) {
        if (port >= LINES) {
            int bit = 1 << (port - LINES);
            levels = value != 0 ? levels | bit : levels & ~bit;
            lines.setLine(port - LINES, value != 0);
        } else if (port < FLUSH || port == SCRATCH_BYTE) {
            int shift = port == SCRATCH_BYTE ? 0 : 8 * (port - SCRATCH);
            long mask = ((1L << (8 * bytes)) - 1) << shift;
            scratch = (scratch & ~mask) | value << shift & mask;
        }
    }

    @Override
    public long read(long offset, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (memory[(int) offset + i] & 0xffL) << (8 * i);
        }
        return value;
    }

    @Override
    public void write(long offset, int size, long value) {
        for (int i = 0; i < size; i++) {
            memory[(int) offset + i] = (byte) (value >>> (8 * i));
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("testdev").writeLong(scratch).writeInt(levels).writeBytes(memory, 0, MEMORY_BYTES);
    }

    @Override
    public void restore(StateReader in) {
        in.section("testdev");
        scratch = in.readLong();
        levels = in.readInt();
        in.readBytes(memory, 0, MEMORY_BYTES);
    }
}
