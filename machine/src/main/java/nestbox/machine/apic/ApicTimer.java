package nestbox.machine.apic;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/**
 * The local APIC's timer (SDM Vol. 3, "APIC Timer"). Its input clock is the virtual clock itself, so that a count of n
 * with divisor d expires exactly n*d ticks after the initial count was written.
 */
final class ApicTimer implements Stateful, EventQueue.Target {
    private static final int EXPIRE = 0;

    private final Clock clock;
    private final EventQueue events;
    private final int target;
    private final LocalApic apic;

    private int lvt = ApicReg.LVT_MASKED;
    private int divide;
    private long initialCount;
    /** Tick at which the count was (or would have been) {@link #initialCount}. */
    private long start;

    private boolean running;
    private long deadline;

    ApicTimer(Clock clock, EventQueue events, LocalApic apic) {
        this.clock = clock;
        this.events = events;
        this.apic = apic;
        target = events.register(this);
    }

    private int mode() {
        return lvt & ApicReg.LVT_TIMER_MODE;
    }

    boolean deadlineMode() {
        return mode() == ApicReg.TIMER_TSC_DEADLINE;
    }

    private long divisor() {
        int code = (divide & 3) | (divide >>> 1 & 4);
        return code == 7 ? 1 : 2L << code;
    }

    int divideConfiguration() {
        return divide;
    }

    /** A changed divisor applies from now on to what remains of the count. */
    void setDivideConfiguration(int value) {
        long remaining = currentCount();
        divide = value & 0xb;
        if (running) {
            start = clock.now() - (initialCount - remaining) * divisor();
            plan();
        }
    }

    long initialCount() {
        return initialCount;
    }

    void setInitialCount(long value) {
        if (deadlineMode()) {
            return;
        }
        initialCount = value & 0xffffffffL;
        start = clock.now();
        running = initialCount != 0;
        plan();
    }

    long currentCount() {
        if (!running || deadlineMode()) {
            return 0;
        }
        long counted = (clock.now() - start) / divisor();
        if (mode() == ApicReg.TIMER_PERIODIC) {
            return initialCount - counted % initialCount;
        }
        return Math.max(0, initialCount - counted);
    }

    /** Follows a write to the LVT entry; changing to or from TSC-deadline mode disarms the timer. */
    void setLvt(int value) {
        int before = mode();
        boolean expired = running && before == ApicReg.TIMER_ONE_SHOT && currentCount() == 0;
        lvt = value;
        if (expired) {
            running = false;
        }
        if (before != mode()) {
            changeMode(before);
        }
        plan();
    }

    private void changeMode(int before) {
        if (deadlineMode() || before == ApicReg.TIMER_TSC_DEADLINE) {
            running = false;
            initialCount = 0;
            deadline = 0;
        } else if (running && before == ApicReg.TIMER_PERIODIC) {
            start += (clock.now() - start) / (initialCount * divisor()) * (initialCount * divisor());
        }
    }

    long deadline() {
        return deadlineMode() ? deadline : 0;
    }

    void setDeadline(long value) {
        if (deadlineMode()) {
            deadline = value;
            plan();
        }
    }

    /** The time-stamp counter was written: the same deadline lies at another tick. */
    void timeStampChanged() {
        if (deadlineMode()) {
            plan();
        }
    }

    /** Schedules the next expiry; a masked count needs no event, as its value is computed when read. */
    private void plan() {
        if (deadlineMode()) {
            planDeadline();
            return;
        }
        if (!running || (lvt & ApicReg.LVT_MASKED) != 0) {
            events.cancel(target, EXPIRE);
            return;
        }
        long period = initialCount * divisor();
        long due = start + period;
        if (mode() == ApicReg.TIMER_PERIODIC) {
            due = start + ((clock.now() - start) / period + 1) * period;
        } else if (due <= clock.now()) {
            running = false;
            events.cancel(target, EXPIRE);
            return;
        }
        events.schedule(target, EXPIRE, due, 0);
    }

    /** A deadline that lies beyond the end of virtual time is never reached. */
    private void planDeadline() {
        long now = clock.now();
        long left = deadline - apic.timeStamp();
        boolean reached = Long.compareUnsigned(deadline, apic.timeStamp()) <= 0;
        if (deadline != 0 && reached) {
            events.schedule(target, EXPIRE, now, 0);
        } else if (deadline != 0 && left > 0 && left < Long.MAX_VALUE - now) {
            events.schedule(target, EXPIRE, now + left, 0);
        } else {
            events.cancel(target, EXPIRE);
        }
    }

    @Override
    public void onEvent(int event, long argument, long due) {
        if (deadlineMode()) {
            deadline = 0;
        } else if (mode() == ApicReg.TIMER_PERIODIC) {
            start = due;
            events.schedule(target, EXPIRE, due + initialCount * divisor(), 0);
        } else {
            running = false;
        }
        apic.timerExpired();
    }

    void reset() {
        lvt = ApicReg.LVT_MASKED;
        divide = 0;
        initialCount = 0;
        running = false;
        deadline = 0;
        events.cancel(target, EXPIRE);
    }

    @Override
    public void save(StateWriter out) {
        out.section("apic-timer")
                .writeInt(lvt)
                .writeInt(divide)
                .writeLong(initialCount)
                .writeLong(start);
        out.writeBoolean(running).writeLong(deadline);
    }

    @Override
    public void restore(StateReader in) {
        in.section("apic-timer");
        lvt = in.readInt();
        divide = in.readInt();
        initialCount = in.readLong();
        start = in.readLong();
        running = in.readBoolean();
        deadline = in.readLong();
    }
}
