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
 * The real-time clock and CMOS memory (Motorola MC146818A data sheet) at ports 70h and 71h. Its date comes from the
 * configuration and goes on with virtual time.
 */
public final class Rtc implements PortHandler, EventQueue.Target, Stateful {
    public static final int IRQ = 8;
    /** The byte that tells the firmware how to go on after a reset. */
    public static final int SHUTDOWN_STATUS = 0x0f;

    private static final int PORT = 0x70;
    private static final int SIZE = 128;
    private static final int REG_A = 10;
    private static final int REG_B = 11;
    private static final int REG_C = 12;
    private static final int REG_D = 13;
    private static final int A_UPDATE_IN_PROGRESS = 0x80;
    private static final int B_SET = 0x80;
    private static final int B_PERIODIC = 0x40;
    private static final int B_ALARM = 0x20;
    private static final int B_UPDATE = 0x10;
    private static final int B_BINARY = 4;
    private static final int B_24_HOURS = 2;
    private static final int C_REQUEST = 0x80;
    private static final int D_VALID = 0x80;
    private static final int DIVIDER_RUNS = 0x20;
    private static final int DONT_CARE = 0xc0;
    private static final long UPDATE_WARNING = 244 * (Clock.HZ / 1_000_000);
    private static final int SECONDS_A_DAY = 86_400;

    private static final int EVENT = 0;

    private final Frequency oscillator = new Frequency(32_768);
    private final Clock clock;
    private final EventQueue events;
    private final int target;
    private final InterruptSink interrupts;
    private final int[] cmos = new int[SIZE];
    private int index;
    private boolean nmiMasked;

    /** Seconds since 1970 that the clock shows at {@link #anchor}. */
    private long epoch;

    private long anchor;
    /** The flags of register C cover everything up to this tick. */
    private long flagsUntil;

    public Rtc(Clock clock, EventQueue events, InterruptSink interrupts, long startSeconds) {
        this.clock = clock;
        this.events = events;
        this.interrupts = interrupts;
        this.epoch = startSeconds;
        target = events.register(this);
        cmos[REG_A] = 0x26;
        cmos[REG_B] = B_24_HOURS;
        cmos[REG_D] = D_VALID;
    }

    /**
     * Lets the second that the clock shows at power-up end after {@code ticks}. A clock on a battery is anywhere in its second by
     * then; a guest that waits for an update waits no longer than that.
     */
    public void endFirstSecond(long ticks) {
        anchor = ticks - Clock.HZ;
    }

    public void attach(Bus bus) {
        bus.mapPorts(PORT, 2, 1, this);
    }

    /** A byte of the memory, for the firmware. */
    public int peek(int at) {
        return cmos[at];
    }

    public void poke(int at, int value) {
        cmos[at] = value & 0xff;
    }

    private boolean binary() {
        return (cmos[REG_B] & B_BINARY) != 0;
    }

    private boolean hours24() {
        return (cmos[REG_B] & B_24_HOURS) != 0;
    }

    private boolean set() {
        return (cmos[REG_B] & B_SET) != 0;
    }

    private long epochAt(long tick) {
        return epoch + (tick - anchor) / Clock.HZ;
    }

    private long nextSecond(long tick) {
        return anchor + ((tick - anchor) / Clock.HZ + 1) * Clock.HZ;
    }

    @Override
    public long in(int port, int bytes) {
        if (port == PORT) {
            return index | (nmiMasked ? 0x80 : 0);
        }
        switch (index) {
            case REG_A:
                boolean updating = !set() && nextSecond(clock.now()) - clock.now() <= UPDATE_WARNING;
                return cmos[REG_A] | (updating ? A_UPDATE_IN_PROGRESS : 0);
            case REG_C:
                return readFlags();
            default:
                if (RtcCalendar.isTime(index) && !set()) {
                    RtcCalendar.toRegisters(epochAt(clock.now()), cmos, binary(), hours24());
                }
                return cmos[index];
        }
    }

    private int readFlags() {
        catchUp(clock.now());
        int flags = cmos[REG_C];
        cmos[REG_C] = 0;
        update();
        return flags;
    }

    @Override
    public void out(int port, int bytes, long value) {
        int v = (int) value & 0xff;
        if (port == PORT) {
            index = v & 0x7f;
            nmiMasked = (v & 0x80) != 0;
            return;
        }
        long now = clock.now();
        catchUp(now);
        switch (index) {
            case REG_A:
                cmos[REG_A] = v & 0x7f;
                break;
            case REG_B:
                writeB(v, now);
                break;
            case REG_C:
            case REG_D:
                break;
            default:
                writeMemory(v, now);
                break;
        }
        update();
    }

    private void writeB(int v, long now) {
        boolean wasSet = set();
        if (!wasSet) {
            RtcCalendar.toRegisters(epochAt(now), cmos, binary(), hours24());
        }
        cmos[REG_B] = (v & B_SET) != 0 ? v & ~B_UPDATE : v;
        if (wasSet && !set()) {
            setTime(now);
        }
    }

    private void writeMemory(int v, long now) {
        boolean time = RtcCalendar.isTime(index);
        if (time && !set()) {
            RtcCalendar.toRegisters(epochAt(now), cmos, binary(), hours24());
        }
        cmos[index] = v;
        if (time && !set()) {
            setTime(now);
        }
    }

    private void setTime(long now) {
        epoch = RtcCalendar.fromRegisters(cmos, binary(), hours24(), epochAt(now));
        anchor = now;
        flagsUntil = now;
    }

    /** Cycles of the oscillator between periodic interrupts, 0 if there are none. */
    private long period() {
        int rate = cmos[REG_A] & 15;
        if (rate == 0 || (cmos[REG_A] & 0x70) != DIVIDER_RUNS) {
            return 0;
        }
        return rate <= 2 ? 128L << (rate - 1) : 1L << (rate - 1);
    }

    /** Collects in register C what has happened since it was looked at last. */
    private void catchUp(long now) {
        long period = period();
        if (period != 0 && oscillator.cycles(now) / period != oscillator.cycles(flagsUntil) / period) {
            cmos[REG_C] |= B_PERIODIC;
        }
        if (!set() && now >= anchor) {
            long first = epochAt(Math.max(anchor, flagsUntil)) + 1;
            long last = epochAt(now);
            if (last >= first) {
                cmos[REG_C] |= B_UPDATE;
            }
            for (long second = Math.max(first, last - SECONDS_A_DAY); second <= last; second++) {
                if (alarmAt(second)) {
                    cmos[REG_C] |= B_ALARM;
                    break;
                }
            }
        }
        flagsUntil = now;
        if ((cmos[REG_C] & cmos[REG_B] & (B_PERIODIC | B_ALARM | B_UPDATE)) != 0) {
            cmos[REG_C] |= C_REQUEST;
        }
    }

    private boolean alarmAt(long second) {
        int ofDay = (int) Math.floorMod(second, (long) SECONDS_A_DAY);
        int hourAlarm = cmos[RtcCalendar.HOURS + 1];
        return matches(cmos[RtcCalendar.SECONDS + 1], ofDay % 60)
                && matches(cmos[RtcCalendar.MINUTES + 1], ofDay / 60 % 60)
                && ((hourAlarm & DONT_CARE) == DONT_CARE
                        || RtcCalendar.decodeHour(hourAlarm, binary(), hours24()) == ofDay / 3600);
    }

    private boolean matches(int alarm, int value) {
        return (alarm & DONT_CARE) == DONT_CARE || RtcCalendar.decode(alarm, binary()) == value;
    }

    private void update() {
        interrupts.setLine(IRQ, (cmos[REG_C] & C_REQUEST) != 0);
        long now = clock.now();
        long due = Long.MAX_VALUE;
        long period = period();
        if ((cmos[REG_B] & B_PERIODIC) != 0 && period != 0) {
            due = oscillator.tick((oscillator.cycles(now) / period + 1) * period);
        }
        if ((cmos[REG_B] & (B_ALARM | B_UPDATE)) != 0 && !set()) {
            due = Math.min(due, nextSecond(now));
        }
        if (due == Long.MAX_VALUE) {
            events.cancel(target, EVENT);
        } else {
            events.schedule(target, EVENT, due, 0);
        }
    }

    @Override
    public void onEvent(int event, long argument, long due) {
        catchUp(Math.max(due, clock.now()));
        update();
    }

    @Override
    public void save(StateWriter out) {
        out.section("rtc")
                .writeInts(cmos)
                .writeInt(index)
                .writeBoolean(nmiMasked)
                .writeLong(epoch)
                .writeLong(anchor);
        out.writeLong(flagsUntil);
    }

    @Override
    public void restore(StateReader in) {
        in.section("rtc");
        in.readInts(cmos);
        index = in.readIndex(cmos.length);
        nmiMasked = in.readBoolean();
        epoch = in.readLong();
        anchor = in.readLong();
        flagsUntil = in.readLong();
    }
}
