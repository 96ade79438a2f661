package nestbox.l0;

import nestbox.x86.Cpu;
import nestbox.x86.InterruptController;
import nestbox.x86.Vector;

/**
 * The interrupt controller of a host processor. All that ever comes is L0's own timer and its interprocessor interrupts, which
 * mean the same: leave the guest.
 */
final class HostInterrupts implements InterruptController {
    private static final int APIC_BASE = 0x1b;
    private static final long ENABLED_BOOTSTRAP = 0xfee00900L;
    /** Vector of the host's timer. */
    private static final int TIMER = 0xec;

    private final Cpu cpu;
    private boolean raised;

    HostInterrupts(Cpu cpu) {
        this.cpu = cpu;
    }

    void raise() {
        raised = true;
        cpu.setInterruptLine(true);
    }

    void lower() {
        raised = false;
        cpu.setInterruptLine(false);
    }

    @Override
    public boolean interruptPending() {
        return raised;
    }

    @Override
    public int acknowledge() {
        if (!raised) {
            return -1;
        }
        lower();
        return TIMER;
    }

    @Override
    public int taskPriorityClass() {
        return 0;
    }

    @Override
    public void setTaskPriorityClass(int priorityClass) {}

    @Override
    public long readMsr(int index) {
        if (index != APIC_BASE) {
            throw cpu.raise(Vector.GP, 0);
        }
        return ENABLED_BOOTSTRAP;
    }

    @Override
    public void writeMsr(int index, long value) {
        throw cpu.raise(Vector.GP, 0);
    }

    @Override
    public long tscDeadline() {
        return 0;
    }

    @Override
    public void setTscDeadline(long deadline) {}

    @Override
    public int apicId() {
        return cpu.id;
    }
}
