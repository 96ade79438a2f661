package nestbox.x86.engine;

import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.system.Boundary;
import nestbox.x86.system.Exceptions;

/** The run loop of one processor: events at instruction boundaries, then the engine, then exceptions. */
public final class Processor implements Execution {
    public final Cpu cpu;
    private final Engine engine;
    private final ReferenceEngine reference;

    public Processor(Cpu cpu, Engine engine, ReferenceEngine reference) {
        this.cpu = cpu;
        this.engine = engine;
        this.reference = reference;
    }

    @Override
    public Cpu cpu() {
        return cpu;
    }

    @Override
    public long ticksInSlice() {
        return cpu.ticksInSlice();
    }

    /**
     * Runs until at least {@code budget} more ticks have passed or the processor cannot go on by itself (it is halted, shut
     * down, waits for a SIPI, or was asked to stop). A delivered exception counts as one tick, so that every loop of
     * the guest takes time.
     */
    @Override
    public void run(long budget) {
        long end = cpu.ticks + budget;
        while (cpu.ticks < end) {
            try {
                if (cpu.pending != 0) {
                    if (!Boundary.service(cpu, reference)) {
                        return;
                    }
                } else {
                    engine.run(end);
                }
            } catch (GuestFault fault) {
                Exceptions.deliverFault(cpu);
                cpu.faultLength = 0;
                cpu.ticks++;
            }
        }
    }
}
