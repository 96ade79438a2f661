package nestbox.machine.device;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.mmu.memory.MmioHandler;

/** A high-precision event timer block (IA-PC HPET Specification 1.0a): a 100 MHz counter of 64 bits and three comparators. */
public final class Hpet implements MmioHandler, EventQueue.Target, Stateful {
    public static final long BASE = 0xfed00000L;
    /** The event block's id: vendor 8086h, legacy-replacement capable, 64 bits, three timers, revision 1. */
    public static final int BLOCK_ID = 0x8086a201;

    private static final int TIMERS = 3;
    private static final long TICKS_A_COUNT = 10;
    private static final long PERIOD_FEMTOSECONDS = TICKS_A_COUNT * 1_000_000_000_000_000L / Clock.HZ;

    private static final int CAPABILITIES = 0;
    private static final int CONFIGURATION = 0x10;
    private static final int STATUS = 0x20;
    private static final int COUNTER = 0xf0;
    private static final int TIMER_BASE = 0x100;

    private static final long ENABLED = 1;
    private static final long LEGACY = 2;

    private static final long T_LEVEL = 1 << 1;
    private static final long T_ENABLED = 1 << 2;
    private static final long T_PERIODIC = 1 << 3;
    private static final long T_PERIODIC_CAPABLE = 1 << 4;
    private static final long T_64_CAPABLE = 1 << 5;
    private static final long T_SET_VALUE = 1 << 6;
    private static final long T_32_BITS = 1 << 8;
    private static final int LINES = 24;
    private static final long T_WRITABLE = 0x3f4e;
    /** Any input of the I/O APIC from 4 on. */
    private static final long T_ROUTES = 0x00fffff0L << 32;

    private final Clock clock;
    private final EventQueue events;
    private final int target;
    private final InterruptSink interrupts;

    private long configuration;
    private long status;
    /** The counter's value at {@link #anchor}. */
    private long counter;

    private long anchor;
    private final long[] timer = new long[TIMERS];
    private final long[] comparator = new long[TIMERS];
    private final long[] period = new long[TIMERS];

    /** @param interrupts global system interrupts */
    public Hpet(Clock clock, EventQueue events, InterruptSink interrupts) {
        this.clock = clock;
        this.events = events;
        this.interrupts = interrupts;
        target = events.register(this);
        reset();
    }

    public void attach(Bus bus) {
        bus.mapMmio(BASE, 0x1000, this);
    }

    public void reset() {
        configuration = 0;
        status = 0;
        counter = 0;
        java.util.Arrays.fill(timer, 0);
        java.util.Arrays.fill(comparator, -1);
        java.util.Arrays.fill(period, 0);
        for (int i = 0; i < TIMERS; i++) {
            events.cancel(target, i);
        }
    }

    private boolean enabled() {
        return (configuration & ENABLED) != 0;
    }

    private long counter() {
        return enabled() ? counter + (clock.now() - anchor) / TICKS_A_COUNT : counter;
    }

    @Override
    public long read(long offset, int size) {
        int register = (int) offset & ~7;
        long value = readRegister(register);
        int within = (int) offset & 7;
        return within + size > 8 ? -1 : value >>> (8 * within);
    }

    private long readRegister(int register) {
        if (register >= TIMER_BASE) {
            int i = (register - TIMER_BASE) >>> 5;
            if (i < TIMERS) {
                switch (register & 0x18) {
                    case 0:
                        return timer[i] | T_ROUTES | T_64_CAPABLE | T_PERIODIC_CAPABLE;
                    case 8:
                        return (timer[i] & T_32_BITS) != 0 ? comparator[i] & 0xffffffffL : comparator[i];
                    default:
                        return 0;
                }
            }
        }
        switch (register) {
            case CAPABILITIES:
                return PERIOD_FEMTOSECONDS << 32 | (BLOCK_ID & 0xffffffffL);
            case CONFIGURATION:
                return configuration;
            case STATUS:
                return status;
            case COUNTER:
                return counter();
            default:
                return 0;
        }
    }

    @Override
    public void write(long offset, int size, long value) {
        int register = (int) offset & ~7;
        int within = (int) offset & 7;
        if (size < 4 || within + size > 8) {
            return;
        }
        long mask = size == 8 ? -1 : 0xffffffffL << (8 * within);
        writeRegister(register, value << (8 * within), mask);
    }

    private void writeRegister(int register, long value, long mask) {
        if (register >= TIMER_BASE) {
            int i = (register - TIMER_BASE) >>> 5;
            if (i < TIMERS) {
                writeTimer(i, register & 0x18, value, mask);
                plan(i);
            }
            return;
        }
        switch (register) {
            case CONFIGURATION:
                writeConfiguration((configuration & ~mask | value & mask) & (ENABLED | LEGACY));
                break;
            case STATUS:
                status &= ~value;
                for (int i = 0; i < TIMERS; i++) {
                    if ((value >>> i & 1) != 0) {
                        setLine(i, false);
                    }
                }
                break;
            case COUNTER:
                counter = counter() & ~mask | value & mask;
                anchor = clock.now();
                break;
            default:
                break;
        }
        for (int i = 0; i < TIMERS; i++) {
            plan(i);
        }
    }

    private void writeConfiguration(long value) {
        counter = counter();
        anchor = clock.now();
        configuration = value;
    }

    private void writeTimer(int i, int register, long value, long mask) {
        if (register == 0) {
            timer[i] = timer[i] & ~(T_WRITABLE & mask) | value & T_WRITABLE & mask;
        } else if (register == 8) {
            boolean periodic = (timer[i] & T_PERIODIC) != 0;
            if (!periodic || (timer[i] & T_SET_VALUE) != 0) {
                comparator[i] = comparator[i] & ~mask | value & mask;
            }
            if (periodic) {
                period[i] = period[i] & ~mask | value & mask;
            }
            timer[i] &= ~T_SET_VALUE;
        }
    }

    private int route(int i) {
        if ((configuration & LEGACY) != 0 && i < 2) {
            return i == 0 ? Pit8254.IRQ : Rtc.IRQ;
        }
        return (int) (timer[i] >>> 9) & 31;
    }

    /** Routes beyond the I/O APIC's inputs lead nowhere. */
    private void setLine(int i, boolean raised) {
        if (route(i) < LINES) {
            interrupts.setLine(route(i), raised);
        }
    }

    private void plan(int i) {
        if (!enabled()) {
            events.cancel(target, i);
            return;
        }
        long left = comparator[i] - counter();
        if ((timer[i] & T_32_BITS) != 0) {
            left &= 0xffffffffL;
        }
        boolean beyondTime = left <= 0 || left > (Long.MAX_VALUE - clock.now()) / TICKS_A_COUNT;
        if (beyondTime) {
            events.cancel(target, i);
        } else {
            long reached = anchor + (comparatorDistance(left) * TICKS_A_COUNT);
            events.schedule(target, i, reached, 0);
        }
    }

    /** Counts from the anchor to the comparator that lies {@code left} counts ahead of the counter. */
    private long comparatorDistance(long left) {
        return counter() - counter + left;
    }

    @Override
    public void onEvent(int i, long argument, long due) {
        if ((timer[i] & T_ENABLED) != 0 && route(i) < LINES) {
            boolean level = (timer[i] & T_LEVEL) != 0;
            status |= level ? 1L << i : 0;
            setLine(i, true);
            if (!level) {
                setLine(i, false);
            }
        }
        if ((timer[i] & T_PERIODIC) != 0 && period[i] > 0) {
            comparator[i] += period[i];
        }
        plan(i);
    }

    @Override
    public void save(StateWriter out) {
        out.section("hpet")
                .writeLong(configuration)
                .writeLong(status)
                .writeLong(counter)
                .writeLong(anchor);
        out.writeLongs(timer).writeLongs(comparator).writeLongs(period);
    }

    @Override
    public void restore(StateReader in) {
        in.section("hpet");
        configuration = in.readLong();
        status = in.readLong();
        counter = in.readLong();
        anchor = in.readLong();
        in.readLongs(timer);
        in.readLongs(comparator);
        in.readLongs(period);
    }
}
