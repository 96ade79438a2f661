package nestbox.x86.system;

import java.util.Arrays;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/**
 * What counts while the processor executes: IA32_MPERF and IA32_APERF, and AMD's performance counters (APM Vol. 2, "Performance
 * Monitoring Counters"), four on every AMD processor and six with PERFCTR_CORE. Intel models announce no counters.
 *
 * <p>A cycle is a tick in which the processor was not halted. Two events exist, {@link #CYCLES_NOT_HALTED} and
 * {@link #RETIRED_INSTRUCTIONS}; a guest that enables another, or a counter mask, is refused by name.
 *
 * <p>Counters are brought up to date when someone looks and when what they count by changes: user or supervisor, guest or host.
 */
public final class PerformanceCounters implements Stateful {
    /** Event 076h, "CPU clocks not halted". */
    public static final int CYCLES_NOT_HALTED = 0x76;
    /** Event 0C0h, "retired instructions", which by the APM's count includes exceptions and interrupts. */
    public static final int RETIRED_INSTRUCTIONS = 0xc0;

    /** Number of {@link #clock} that IA32_MPERF and RDPRU reach. */
    public static final int MPERF = 0;

    public static final int APERF = 1;

    static final int LEGACY = 4;
    static final int CORE = 6;
    private static final int WIDTH = 48;

    private static final long USER = 1 << 16;
    private static final long SUPERVISOR = 1 << 17;
    private static final long EDGE = 1 << 18;
    private static final long INTERRUPT = 1 << 20;
    private static final long ENABLED = 1 << 22;
    private static final long COUNTER_MASK = 0xffL << 24;
    private static final long GUEST_ONLY = 1L << 40;
    private static final long HOST_ONLY = 1L << 41;

    private final Cpu cpu;
    private final long[] selects;
    private final long[] values;
    private final long[] clocks = new long[2];
    /** Dispatches of REP instructions that left iterations to do: they took a tick and retired nothing. */
    private long unfinished;

    private long settledTicks;
    private long settledIdle;
    private boolean user;
    private boolean guest;
    private boolean svm;
    private boolean enabled;
    private boolean interrupting;

    public PerformanceCounters(Cpu cpu) {
        this.cpu = cpu;
        boolean amd = cpu.features.vendor() == Vendor.AMD;
        int count = !amd ? 0 : cpu.features.has(Feature.PERFCTR_CORE) ? CORE : LEGACY;
        selects = new long[count];
        values = new long[count];
    }

    /** How many counters RDPMC reaches. */
    public int count() {
        return values.length;
    }

    /** RESET; INIT leaves the counters alone. */
    void reset() {
        Arrays.fill(selects, 0);
        Arrays.fill(values, 0);
        Arrays.fill(clocks, -ticks());
        selected();
    }

    private long ticks() {
        return cpu.ticks + cpu.cursor;
    }

    /** Ticks in which nothing retired. */
    private long idle() {
        return unfinished + cpu.waited;
    }

    /** A dispatch of a REP instruction left iterations to do. */
    public void unfinished() {
        unfinished++;
    }

    /** IA32_MPERF or IA32_APERF. */
    long clock(int number) {
        return clocks[number] + ticks();
    }

    void setClock(int number, long value) {
        clocks[number] = value - ticks();
    }

    public long value(int number) {
        settle();
        return values[number];
    }

    public void setValue(int number, long value) {
        settle();
        values[number] = value & (1L << WIDTH) - 1;
        arm();
    }

    public long select(int number) {
        return selects[number];
    }

    /** @throws UnsupportedFeatureException if the counter is to count what is not implemented */
    public void setSelect(int number, long value) {
        settle();
        if ((value & ENABLED) != 0 && (value & (USER | SUPERVISOR)) != 0) {
            int event = event(value);
            boolean known = event == CYCLES_NOT_HALTED || event == RETIRED_INSTRUCTIONS;
            if (!known || (value & (EDGE | COUNTER_MASK)) != 0) {
                throw new UnsupportedFeatureException(
                        String.format("performance event %03xh (event select %x)", event, value),
                        "the guest enables performance counter " + number);
            }
        }
        selects[number] = value;
        selected();
    }

    private static int event(long select) {
        return (int) (select & 0xff | select >>> 24 & 0xf00);
    }

    private void selected() {
        enabled = false;
        interrupting = false;
        for (long select : selects) {
            enabled |= (select & ENABLED) != 0;
            interrupting |= (select & (ENABLED | INTERRUPT)) == (ENABLED | INTERRUPT);
        }
        startOver();
    }

    /** Counts from here on, by what the processor is now. */
    private void startOver() {
        settledTicks = ticks();
        settledIdle = idle();
        user = cpu.cpl == 3;
        guest = cpu.extension != null && cpu.extension.inGuest();
        svm = (cpu.efer & Cpu.EFER_SVME) != 0;
        arm();
    }

    /** CPL, guest mode or EFER.SVME may have changed. */
    public void regimeChanged() {
        if (enabled && (user != (cpu.cpl == 3) || cpu.extension != null)) {
            settle();
            startOver();
        }
    }

    /** The processor goes on after it was halted. */
    public void resumed() {
        if (interrupting) {
            arm();
        }
    }

    /** The time has come that {@link #arm} asked for. */
    public void expired() {
        settle();
        arm();
    }

    private boolean counts(long select) {
        if ((select & ENABLED) == 0 || (select & (user ? USER : SUPERVISOR)) == 0) {
            return false;
        }
        boolean everywhere = (select & (GUEST_ONLY | HOST_ONLY)) == 0;
        return everywhere || (svm && (select & (guest ? GUEST_ONLY : HOST_ONLY)) != 0);
    }

    private void settle() {
        long ticks = ticks() - settledTicks;
        long idle = idle() - settledIdle;
        settledTicks += ticks;
        settledIdle = idle();
        if (!enabled || ticks == 0) {
            return;
        }
        for (int i = 0; i < values.length; i++) {
            if (counts(selects[i])) {
                long sum = values[i] + ticks - (event(selects[i]) == RETIRED_INSTRUCTIONS ? idle : 0);
                values[i] = sum & (1L << WIDTH) - 1;
                if (sum != values[i] && (selects[i] & INTERRUPT) != 0 && cpu.apic != null) {
                    cpu.apic.performanceOverflow();
                }
            }
        }
    }

    /** Asks to be woken when the first counter that interrupts will overflow, if nothing changes until then. */
    private void arm() {
        if (!interrupting) {
            return;
        }
        long left = Long.MAX_VALUE;
        for (int i = 0; i < values.length; i++) {
            if ((selects[i] & INTERRUPT) != 0 && counts(selects[i])) {
                left = Math.min(left, (1L << WIDTH) - values[i]);
            }
        }
        boolean counting = left != Long.MAX_VALUE && cpu.activity == Cpu.ACTIVE;
        cpu.platform.wakeCounters(cpu, counting ? cpu.platform.now() + left : Long.MAX_VALUE);
    }

    /** RDPMC. */
    long read(int number) {
        if (number < 0 || number >= values.length) {
            throw cpu.raise(Vector.GP, 0);
        }
        return value(number);
    }

    @Override
    public void save(StateWriter out) {
        settle();
        out.section("counters").writeLongs(selects).writeLongs(values);
        out.writeLong(clock(MPERF)).writeLong(clock(APERF));
    }

    /** After the rest of the processor. */
    @Override
    public void restore(StateReader in) {
        in.section("counters");
        in.readLongs(selects);
        in.readLongs(values);
        setClock(MPERF, in.readLong());
        setClock(APERF, in.readLong());
        selected();
    }
}
