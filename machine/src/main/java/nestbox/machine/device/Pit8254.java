package nestbox.machine.device;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortHandler;

/**
 * The PC's 8254 timer: counter 0 drives IRQ 0, counter 2 the speaker behind the gate in port 61h, counter 1 refresh.
 */
public final class Pit8254 implements PortHandler, EventQueue.Target, Stateful {
    public static final int IRQ = 0;
    static final long HERTZ = 1_193_182;
    private static final int BASE = 0x40;
    private static final int CONTROL = BASE + 3;
    private static final int SYSTEM_CONTROL = 0x61;
    private static final int OUTPUT_CHANGE = 0;
    private static final int READ_BACK = 3;
    /** The refresh request toggles about every 15 microseconds. */
    private static final long REFRESH_TICKS = 15_085;

    private final Frequency frequency = new Frequency(HERTZ);
    private final Clock clock;
    private final EventQueue events;
    private final int target;
    private final InterruptSink interrupts;
    private final PitChannel[] channels = {new PitChannel(true), new PitChannel(true), new PitChannel(false)};
    private boolean speaker;

    public Pit8254(Clock clock, EventQueue events, InterruptSink interrupts) {
        this.clock = clock;
        this.events = events;
        this.interrupts = interrupts;
        target = events.register(this);
    }

    public void attach(Bus bus) {
        bus.mapPorts(BASE, 4, 1, this);
        bus.mapPorts(SYSTEM_CONTROL, 1, 1, this);
    }

    /** Counter 0 as the firmware leaves it: a square wave of 18.2 Hz. */
    public void setUpByFirmware() {
        out(CONTROL, 1, 0x36);
        out(BASE, 1, 0);
        out(BASE, 1, 0);
        out(SYSTEM_CONTROL, 1, 0);
    }

    private long cycle() {
        return frequency.cycles(clock.now());
    }

    @Override
    public long in(int port, int bytes) {
        if (port == SYSTEM_CONTROL) {
            return (channels[2].gate() ? 1 : 0)
                    | (speaker ? 2 : 0)
                    | (clock.now() / REFRESH_TICKS % 2 != 0 ? 0x10 : 0)
                    | (channels[2].output(cycle()) ? 0x20 : 0);
        }
        return port == CONTROL ? 0xff : channels[port - BASE].read(cycle());
    }

    @Override
    public void out(int port, int bytes, long value) {
        int v = (int) value & 0xff;
        long cycle = cycle();
        if (port == SYSTEM_CONTROL) {
            speaker = (v & 2) != 0;
            channels[2].setGate((v & 1) != 0, cycle);
        } else if (port == CONTROL) {
            control(v, cycle);
        } else {
            channels[port - BASE].write(v, cycle);
        }
        update();
    }

    private void control(int v, long cycle) {
        if (v >>> 6 == READ_BACK) {
            for (int i = 0; i < 3; i++) {
                if ((v >>> (i + 1) & 1) != 0) {
                    readBack(channels[i], v, cycle);
                }
            }
        } else if ((v & 0x30) == 0) {
            channels[v >>> 6].latchCount(cycle);
        } else {
            channels[v >>> 6].control(v);
        }
    }

    private static void readBack(PitChannel channel, int v, long cycle) {
        if ((v & 0x20) == 0) {
            channel.latchCount(cycle);
        }
        if ((v & 0x10) == 0) {
            channel.latchStatus(cycle);
        }
    }

    private void update() {
        long cycle = cycle();
        interrupts.setLine(IRQ, channels[0].output(cycle));
        plan(cycle);
    }

    private void plan(long cycle) {
        long change = channels[0].nextChange(cycle);
        if (change == Long.MAX_VALUE) {
            events.cancel(target, OUTPUT_CHANGE);
        } else {
            events.schedule(target, OUTPUT_CHANGE, frequency.tick(change), change);
        }
    }

    @Override
    public void onEvent(int event, long cycle, long due) {
        interrupts.setLine(IRQ, channels[0].output(cycle));
        plan(cycle);
    }

    @Override
    public void save(StateWriter out) {
        out.section("pit").writeBoolean(speaker);
        for (PitChannel channel : channels) {
            channel.save(out);
        }
    }

    @Override
    public void restore(StateReader in) {
        in.section("pit");
        speaker = in.readBoolean();
        for (PitChannel channel : channels) {
            channel.restore(in);
        }
    }
}
