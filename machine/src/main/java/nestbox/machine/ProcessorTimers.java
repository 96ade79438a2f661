package nestbox.machine;

import nestbox.core.EventQueue;
import nestbox.x86.Cpu;

/**
 * Timers of the processors as events of the queue, two a processor: of its virtualization extension (VMX preemption timer), and of
 * its performance counters.
 */
final class ProcessorTimers implements EventQueue.Target {
    private final EventQueue events;
    private final Cpu[] cpus;
    private final int target;

    /** Registers last of all targets, so that the others' numbers do not depend on it. */
    ProcessorTimers(EventQueue events, Cpu[] cpus) {
        this.events = events;
        this.cpus = cpus;
        target = events.register(this);
    }

    void scheduleExtension(Cpu cpu, long tick) {
        schedule(cpu.id, tick);
    }

    void scheduleCounters(Cpu cpu, long tick) {
        schedule(cpus.length + cpu.id, tick);
    }

    private void schedule(int event, long tick) {
        if (tick == Long.MAX_VALUE) {
            events.cancel(target, event);
        } else {
            events.schedule(target, event, tick, 0);
        }
    }

    @Override
    public void onEvent(int event, long argument, long due) {
        if (event < cpus.length) {
            cpus[event].pend(Cpu.PENDING_EXTENSION);
        } else {
            cpus[event - cpus.length].counters.expired();
        }
    }
}
