package nestbox.machine.apic;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.TraceEvents;
import nestbox.x86.Cpu;
import nestbox.x86.InterruptController;
import nestbox.x86.Vector;

/** Joins a {@link LocalApic} to the silicon's {@link Cpu}. */
public final class CpuApic implements InterruptController, ApicClient, Stateful {
    /** The 8259 pair behind LINT0. */
    @FunctionalInterface
    public interface ExternalController {
        int acknowledge();
    }

    /** Told when the register page of an APIC may have moved. */
    @FunctionalInterface
    public interface WindowListener {
        void windowChanged();
    }

    private final Cpu cpu;
    private final LocalApic local;
    private final X2Apic msrs;
    private final ExternalController external;
    private final WindowListener windows;

    public CpuApic(
            Cpu cpu, ApicBus bus, Clock clock, EventQueue events, ExternalController external, WindowListener windows) {
        this.cpu = cpu;
        this.external = external;
        this.windows = windows;
        this.local = new LocalApic(cpu.id, bus, this, clock, events);
        this.msrs = new X2Apic(local, cpu.features);
        cpu.apic = this;
    }

    public LocalApic local() {
        return local;
    }

    @Override
    public void ipiSent(long icr) {
        if (cpu.trace.on) {
            cpu.trace.emit(TraceEvents.IPI, icr);
        }
    }

    @Override
    public void interruptEnded(int vector) {
        if (cpu.trace.on) {
            cpu.trace.emit(TraceEvents.EOI, vector);
        }
    }

    @Override
    public void timerExpired(int vector) {
        if (cpu.trace.on) {
            cpu.trace.emit(TraceEvents.APIC_TIMER, vector);
        }
    }

    @Override
    public boolean interruptPending() {
        return local.interruptPending();
    }

    /** ExtINT comes first: on LINT0 it is not subject to the APIC's priorities. */
    @Override
    public int acknowledge() {
        if (local.externalPending()) {
            int vector = external.acknowledge();
            local.externalAcknowledged();
            return vector;
        }
        return local.acknowledge();
    }

    @Override
    public void endOfInterrupt() {
        local.endOfInterrupt();
    }

    @Override
    public int taskPriorityClass() {
        return local.taskPriority() >>> 4;
    }

    @Override
    public void setTaskPriorityClass(int priorityClass) {
        local.setTaskPriority(priorityClass << 4);
    }

    @Override
    public long readMsr(int index) {
        if (!msrs.readable(index)) {
            throw cpu.raise(Vector.GP, 0);
        }
        return msrs.read(index);
    }

    @Override
    public void writeMsr(int index, long value) {
        if (!msrs.write(index, value)) {
            throw cpu.raise(Vector.GP, 0);
        }
    }

    @Override
    public long tscDeadline() {
        return local.deadline();
    }

    @Override
    public void setTscDeadline(long deadline) {
        local.setDeadline(deadline);
    }

    @Override
    public int apicId() {
        return local.id();
    }

    @Override
    public void initReceived() {
        local.initialize();
    }

    @Override
    public void timeStampChanged() {
        local.timeStampChanged();
    }

    @Override
    public void performanceOverflow() {
        local.performanceOverflow();
    }

    @Override
    public void interruptLine(boolean raised) {
        cpu.setInterruptLine(raised);
    }

    @Override
    public void nmi() {
        cpu.pend(Cpu.PENDING_NMI);
    }

    @Override
    public void smi() {
        cpu.pend(Cpu.PENDING_SMI);
    }

    @Override
    public void init() {
        cpu.unpend(Cpu.PENDING_SIPI);
        cpu.pend(Cpu.PENDING_INIT);
    }

    /** A SIPI counts only for a processor that waits for it, or will once it has taken its INIT. */
    @Override
    public void startUp(int vector) {
        if (cpu.activity == Cpu.WAIT_FOR_SIPI || (cpu.pending & Cpu.PENDING_INIT) != 0) {
            cpu.sipiVector = vector;
            cpu.pend(Cpu.PENDING_SIPI);
        }
    }

    @Override
    public long timeStamp() {
        return cpu.tsc();
    }

    @Override
    public void baseChanged() {
        windows.windowChanged();
    }

    @Override
    public void save(StateWriter out) {
        local.save(out);
    }

    @Override
    public void restore(StateReader in) {
        local.restore(in);
    }
}
