package nestbox.machine;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.Trace;
import nestbox.x86.Cpu;
import nestbox.x86.engine.Execution;

/**
 * Runs several processors on one host thread, each at one instruction a tick of virtual time (more when it waits, see
 * {@link Cpu#letPass}). Time advances in windows that end at the quantum or at the next event, whichever is earlier; in a window
 * every processor that is not idle runs, one after the other, up to its end. A processor that schedules an earlier event shortens the window for itself and for those after it;
 * so an event is never early for any processor and exact for the one whose instruction scheduled it.
 */
final class Scheduler implements EventQueue.Listener, Interludes, Stateful {
    /** Longest window of a single processor: only the host's wish to look in ends it. */
    private static final long SINGLE_WINDOW = 1 << 20;

    private static final int STARTS_OVER = Cpu.PENDING_SMI | Cpu.PENDING_INIT | Cpu.PENDING_EXTENSION;

    /** Pending reasons that get a processor going again, by its activity. */
    private static final int[] WAKES = {
        -1,
        Cpu.PENDING_INTERRUPT | Cpu.PENDING_NMI | Cpu.PENDING_DEBUG_TRAP | STARTS_OVER,
        Cpu.PENDING_NMI | STARTS_OVER,
        Cpu.PENDING_SIPI | Cpu.PENDING_INIT | Cpu.PENDING_EXTENSION
    };

    private final Execution[] processors;
    private final Clock clock;
    private final EventQueue events;
    private final Trace trace;
    private final long quantum;
    /** Each processor's own time; those that ran in this window are ahead of {@link #now}. */
    private final long[] local;

    /** Start of the window: every event due until then has run. */
    private long now;

    private Cpu running;
    private long sliceEnd;
    /** Ticks of interludes in the turn that runs. */
    private long interludeTicks;
    /** Set by other threads, too. */
    private volatile boolean stopping;

    Scheduler(Execution[] processors, Clock clock, EventQueue events, Trace trace, int quantum) {
        this.processors = processors;
        this.clock = clock;
        this.events = events;
        this.trace = trace;
        this.quantum = processors.length == 1 ? SINGLE_WINDOW : quantum;
        this.local = new long[processors.length];
        events.listen(this);
    }

    /** What one window came to. */
    enum Progress {
        RAN,
        /** Every processor was idle; time went on to the next event. */
        SLEPT,
        /** Every processor is idle and no event is scheduled. */
        DEAD
    }

    long now() {
        return now;
    }

    /** Ticks that the running processor may let pass: until the next event, and no more than others take in a turn. */
    long idleTicks() {
        return Math.max(0, Math.min(quantum, events.nextDue() - clock.exact()));
    }

    /** Ends the running slice at the next instruction boundary, and the window with it. */
    void stop() {
        stopping = true;
        if (running != null) {
            running.pend(Cpu.PENDING_STOP);
        }
    }

    @Override
    public void scheduled(long due) {
        if (running != null && due < sliceEnd) {
            running.pend(Cpu.PENDING_STOP);
        }
    }

    /**
     * Runs one window; {@code budget} limits the ticks of all processors together. An instruction that waits may end behind the
     * window.
     */
    Progress window(long budget) {
        stopping = false;
        clock.endSlice(now);
        events.runDue(now);
        if (stopping) {
            return Progress.RAN;
        }
        boolean ran = false;
        long left = budget;
        for (int i = 0; i < processors.length && !stopping && left > 0; i++) {
            long used = turn(i, left);
            left -= used;
            ran |= used > 0 || processors[i].cpu().activity == Cpu.ACTIVE;
        }
        if (stopping || left <= 0) {
            return Progress.RAN;
        }
        if (ran) {
            advance();
            return Progress.RAN;
        }
        return skip();
    }

    /** Lets time go on to the next event and runs it, while no processor may run. */
    Progress sleep() {
        Progress progress = skip();
        events.runDue(now);
        return progress;
    }

    private Progress skip() {
        if (events.nextDue() == Long.MAX_VALUE) {
            return Progress.DEAD;
        }
        now = Math.max(now, events.nextDue());
        clock.endSlice(now);
        return Progress.SLEPT;
    }

    private long horizon() {
        return Math.max(now, Math.min(now + quantum, events.nextDue()));
    }

    private void advance() {
        long to = horizon();
        for (int i = 0; i < processors.length; i++) {
            if (!idle(processors[i].cpu())) {
                to = Math.min(to, local[i]);
            }
        }
        now = Math.max(now, to);
        clock.endSlice(now);
    }

    private static boolean idle(Cpu cpu) {
        return cpu.activity != Cpu.ACTIVE && (cpu.pending & WAKES[cpu.activity]) == 0;
    }

    /** Lets one processor reach the end of the window and says how many ticks that took. */
    private long turn(int index, long budget) {
        Cpu cpu = processors[index].cpu();
        long used = 0;
        if (local[index] < now) {
            local[index] = now;
        }
        while (!stopping && used < budget && local[index] < horizon() && !idle(cpu)) {
            long ticks = slice(index, Math.min(budget - used, horizon() - local[index]));
            used += ticks + interludeTicks;
            interludeTicks = 0;
            if (ticks == 0 && cpu.activity != Cpu.ACTIVE) {
                // Something is pending that may not end the halt: its time passes as that of an idle processor does.
                local[index] = Math.max(local[index], horizon());
                break;
            }
        }
        return used;
    }

    private long slice(int index, long budget) {
        Cpu cpu = processors[index].cpu();
        cpu.unpend(Cpu.PENDING_STOP);
        clock.endSlice(local[index]);
        long start = cpu.ticks;
        cpu.sliceStart = start;
        clock.startSlice(processors[index]);
        running = cpu;
        trace.setCpu(cpu.id);
        sliceEnd = local[index] + budget;
        try {
            processors[index].run(budget);
        } finally {
            running = null;
            trace.setCpu(Trace.NO_CPU);
            local[index] += cpu.ticks - start;
            clock.endSlice(local[index]);
        }
        return cpu.ticks - start;
    }

    /** The processor whose slice runs, or null between slices. */
    Cpu current() {
        return running;
    }

    @Override
    public int running() {
        return running == null ? -1 : running.id;
    }

    @Override
    public long run(int index, long ticks) {
        Cpu outer = running;
        Cpu other = processors[index].cpu();
        if (outer == null || other == outer || stopping || idle(other)) {
            return 0;
        }
        local[index] = Math.max(local[index], now);
        long budget = Math.min(ticks, events.nextDue() - local[index]);
        if (budget <= 0) {
            return 0;
        }
        long end = sliceEnd;
        try {
            long used = slice(index, budget);
            interludeTicks += used;
            return used;
        } finally {
            running = outer;
            sliceEnd = end;
            trace.setCpu(outer.id);
            clock.endSlice(local[outer.id]);
            clock.startSlice(processors[outer.id]);
            if (stopping || events.nextDue() < end) {
                outer.pend(Cpu.PENDING_STOP);
            }
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("scheduler").writeLong(now).writeLongs(local);
    }

    @Override
    public void restore(StateReader in) {
        in.section("scheduler");
        now = in.readLong();
        in.readLongs(local);
    }
}
