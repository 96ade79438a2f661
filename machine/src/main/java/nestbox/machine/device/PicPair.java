package nestbox.machine.device;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortHandler;

/** The PC's two 8259As: inputs 0 to 15, the second controller cascaded into input 2 of the first. */
public final class PicPair implements InterruptSink, PortHandler, Stateful {
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xa0;
    private static final int EDGE_LEVEL = 0x4d0;
    private static final int CASCADE = 2;
    /** System timer, keyboard, cascade, RTC and FPU lines are always edge-triggered. */
    private static final int LEVEL_MASTER = 0xf8;

    private static final int LEVEL_SLAVE = 0xde;

    private static final int TIMER_AND_CASCADE_OPEN = 0xfa;

    private final Pic8259 master;
    private final Pic8259 slave;

    /** @param output line 0 is the INTR output to LINT0 of the processors */
    public PicPair(InterruptSink output) {
        master = new Pic8259(MASTER, true, output);
        slave = new Pic8259(SLAVE, false, (line, raised) -> master.setLine(CASCADE, raised));
    }

    public void attach(Bus bus) {
        bus.mapPorts(MASTER, 2, 1, master);
        bus.mapPorts(SLAVE, 2, 1, slave);
        bus.mapPorts(EDGE_LEVEL, 2, 1, this);
    }

    public void setUpByFirmware() {
        master.setLevelTriggered(0);
        slave.setLevelTriggered(0);
        master.setUp(0x08, TIMER_AND_CASCADE_OPEN);
        slave.setUp(0x70, 0xff);
    }

    @Override
    public void setLine(int line, boolean raised) {
        if (line < 8) {
            master.setLine(line, raised);
        } else {
            slave.setLine(line - 8, raised);
        }
    }

    /** The processor's INTA cycles: the vector of the interrupt to serve. */
    public int acknowledge() {
        int input = master.acknowledge();
        return input == CASCADE ? slave.vector(slave.acknowledge()) : master.vector(input);
    }

    @Override
    public long in(int port, int bytes) {
        return port == EDGE_LEVEL ? master.levelTriggered() : slave.levelTriggered();
    }

    @Override
    public void out(int port, int bytes, long value) {
        if (port == EDGE_LEVEL) {
            master.setLevelTriggered((int) value & LEVEL_MASTER);
        } else {
            slave.setLevelTriggered((int) value & LEVEL_SLAVE);
        }
    }

    @Override
    public void save(StateWriter out) {
        master.save(out);
        slave.save(out);
    }

    @Override
    public void restore(StateReader in) {
        master.restore(in);
        slave.restore(in);
    }
}
