package nestbox.machine;

import nestbox.core.EventQueue;
import nestbox.x86.Cpu;

/** Timers of the processors' virtualization extensions (VMX preemption timer): one a processor, as events of the queue. */
final class ExtensionTimers implements EventQueue.Target {
    private final EventQueue events;
    private final Cpu[] cpus;
    private final int target;

    /** Registers last of all targets, so that the others' numbers do not depend on it. */
    ExtensionTimers(EventQueue events, Cpu[] cpus) {
        this.events = events;
        this.cpus = cpus;
        target = events.register(this);
    }

    void schedule(Cpu cpu, long tick) {
        if (tick == Long.MAX_VALUE) {
            events.cancel(target, cpu.id);
        } else {
            events.schedule(target, cpu.id, tick, 0);
        }
    }

    @Override
    public void onEvent(int event, long argument, long due) {
        cpus[event].pend(Cpu.PENDING_EXTENSION);
    }
}
