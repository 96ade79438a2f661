package nestbox.machine.device;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/**
 * One counter of an 8254 (Intel 8254 data sheet, "Mode Definitions"). Time is given as a number of cycles of its clock; count
 * and output are computed from it, so that counting costs nothing.
 */
final class PitChannel implements Stateful {
    private static final long NEVER = Long.MAX_VALUE;
    private static final int NULL_COUNT = 0x40;

    private int mode;
    private boolean bcd;
    /** 1 low byte, 2 high byte, 3 low then high. */
    private int access = 3;

    private int reload = 0x10000;
    private int written;
    private boolean writeHigh;
    private boolean readHigh;
    private int latch = -1;
    private int statusLatch = -1;

    /** A count has been written since the control word. */
    private boolean loaded;

    private boolean gate;
    /** Counting goes on; in the triggered modes, the trigger has come. */
    private boolean counting;

    /** Cycle at which the counter held {@link #reload}; the clock after the write loads it. */
    private long start;

    /** A new count for a periodic mode and the cycle from which it counts; 0 if none waits. */
    private int nextReload;

    private long nextStart;

    /** Cycles counted when the gate stopped it. */
    private long held;

    PitChannel(boolean gate) {
        this.gate = gate;
    }

    private boolean periodic() {
        return mode == 2 || mode == 3;
    }

    private boolean triggered() {
        return mode == 1 || mode == 5;
    }

    void control(int value) {
        access = value >>> 4 & 3;
        mode = value >>> 1 & 7;
        if (mode > 5) {
            mode -= 4;
        }
        bcd = (value & 1) != 0;
        loaded = false;
        counting = false;
        nextReload = 0;
        held = 0;
        writeHigh = false;
        readHigh = false;
        latch = -1;
        statusLatch = -1;
    }

    void latchCount(long cycle) {
        if (latch < 0) {
            latch = encode(count(cycle));
        }
    }

    void latchStatus(long cycle) {
        if (statusLatch < 0) {
            int control = access << 4 | mode << 1 | (bcd ? 1 : 0);
            statusLatch = (output(cycle) ? 0x80 : 0) | (loaded ? 0 : NULL_COUNT) | control;
        }
    }

    private int encode(long count) {
        int value = (int) count & 0xffff;
        if (!bcd) {
            return value;
        }
        int digits = (int) Math.floorMod(count, 10000L);
        return digits / 1000 << 12 | digits / 100 % 10 << 8 | digits / 10 % 10 << 4 | digits % 10;
    }

    private int decode(int raw) {
        int value = raw;
        if (bcd) {
            value = (raw >>> 12) * 1000 + (raw >>> 8 & 15) * 100 + (raw >>> 4 & 15) * 10 + (raw & 15);
        }
        return value != 0 ? value : bcd ? 10000 : 0x10000;
    }

    int read(long cycle) {
        if (statusLatch >= 0) {
            int value = statusLatch;
            statusLatch = -1;
            return value;
        }
        int value = latch >= 0 ? latch : encode(count(cycle));
        boolean high = access == 2 || (access == 3 && readHigh);
        if (access == 3) {
            readHigh = !readHigh;
        }
        if (latch >= 0 && (access != 3 || high)) {
            latch = -1;
        }
        return high ? value >>> 8 : value & 0xff;
    }

    void write(int value, long cycle) {
        if (access == 3 && !writeHigh) {
            written = value;
            writeHigh = true;
            if (mode == 0) {
                // The first byte stops the counting of mode 0.
                counting = false;
                loaded = false;
            }
            return;
        }
        int raw = access == 3 ? written | value << 8 : access == 2 ? value << 8 : value;
        writeHigh = false;
        load(decode(raw), cycle);
    }

    private void load(int count, long cycle) {
        settle(cycle);
        boolean first = !loaded;
        if (periodic() && !first && counting) {
            // The new count takes effect when the current period ends.
            long done = Math.max(0, cycle - start) / reload;
            nextStart = start + (done + 1) * reload;
            nextReload = count;
            return;
        }
        reload = count;
        nextReload = 0;
        loaded = true;
        if (!triggered()) {
            counting = gate;
            start = cycle + 1;
            held = 0;
        }
    }

    void setGate(boolean newGate, long cycle) {
        settle(cycle);
        boolean rose = newGate && !gate;
        boolean fell = !newGate && gate;
        gate = newGate;
        if (!loaded) {
            return;
        }
        if (rose && (triggered() || periodic())) {
            counting = true;
            start = cycle + 1;
        } else if (rose) {
            counting = true;
            start = cycle - held;
        } else if (fell && !triggered()) {
            held = Math.max(0, cycle - start);
            counting = false;
        }
    }

    boolean gate() {
        return gate;
    }

    /** Brings a count that waited for the end of the period into effect. */
    private void settle(long cycle) {
        if (nextReload != 0 && cycle >= nextStart) {
            reload = nextReload;
            start = nextStart;
            nextReload = 0;
        }
    }

    private long elapsed(long cycle) {
        return counting ? Math.max(0, cycle - start) : held;
    }

    private long count(long cycle) {
        settle(cycle);
        if (!loaded) {
            return reload;
        }
        long elapsed = elapsed(cycle);
        switch (mode) {
            case 2:
                return reload - elapsed % reload;
            case 3:
                long phase = elapsed % reload;
                long high = (reload + 1) / 2;
                long inHalf = phase < high ? phase : phase - high;
                return (reload & ~1) - 2 * inHalf;
            default:
                return reload - elapsed;
        }
    }

    boolean output(long cycle) {
        settle(cycle);
        if (!loaded) {
            return mode != 0;
        }
        long elapsed = elapsed(cycle);
        switch (mode) {
            case 0:
                return elapsed >= reload;
            case 1:
                return !counting || cycle < start || elapsed >= reload;
            case 2:
                return !gate || cycle < start || elapsed % reload != reload - 1;
            case 3:
                return !gate || cycle < start || elapsed % reload < (reload + 1) / 2;
            default:
                return !counting || elapsed != reload;
        }
    }

    /** The first cycle after {@code cycle} at which the output may change, {@link Long#MAX_VALUE} if it stays. */
    long nextChange(long cycle) {
        settle(cycle);
        if (!loaded || !counting) {
            return NEVER;
        }
        if (cycle < start) {
            return start;
        }
        long elapsed = cycle - start;
        switch (mode) {
            case 0:
            case 1:
                return elapsed < reload ? start + reload : NEVER;
            case 2:
                long in2 = elapsed % reload;
                return cycle - in2 + (in2 < reload - 1 ? reload - 1 : reload);
            case 3:
                long in3 = elapsed % reload;
                long high = (reload + 1) / 2;
                return cycle - in3 + (in3 < high ? high : reload);
            default:
                return elapsed < reload ? start + reload : elapsed == reload ? start + reload + 1 : NEVER;
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("pit-channel")
                .writeInt(mode)
                .writeBoolean(bcd)
                .writeInt(access)
                .writeInt(reload)
                .writeInt(written);
        out.writeBoolean(writeHigh)
                .writeBoolean(readHigh)
                .writeInt(latch)
                .writeInt(statusLatch)
                .writeBoolean(loaded);
        out.writeBoolean(gate).writeBoolean(counting).writeLong(start).writeLong(held);
        out.writeInt(nextReload).writeLong(nextStart);
    }

    @Override
    public void restore(StateReader in) {
        in.section("pit-channel");
        mode = in.readIndex(6);
        bcd = in.readBoolean();
        access = in.readInt();
        reload = in.readInt(1, 0x10000);
        written = in.readInt();
        writeHigh = in.readBoolean();
        readHigh = in.readBoolean();
        latch = in.readInt();
        statusLatch = in.readInt();
        loaded = in.readBoolean();
        gate = in.readBoolean();
        counting = in.readBoolean();
        start = in.readLong();
        held = in.readLong();
        nextReload = in.readInt(0, 0x10000);
        nextStart = in.readLong();
    }
}
