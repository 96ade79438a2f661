package nestbox.machine;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEvents;
import nestbox.machine.apic.ApicBus;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortBus;
import nestbox.machine.bus.PortHandler;
import nestbox.machine.device.DebugExit;
import nestbox.machine.device.Uart16550;
import nestbox.machine.firmware.MemoryMap;
import nestbox.mmu.memory.MmioHandler;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.Platform;

/** The board: buses and devices around the processors. */
public final class Board implements Platform, Bus {
    private final Machine machine;
    private final PhysicalMemory memory;
    private final Clock clock;
    private final PortBus ports = new PortBus();
    private final MemoryMap map;
    private final ApicBus apicBus = new ApicBus();
    private final Uart16550 serial;
    private Outcome request;
    private volatile boolean stopRequested;

    Board(Machine machine, MachineConfig config, PhysicalMemory memory, Clock clock, EventQueue events) {
        this.machine = machine;
        this.memory = memory;
        this.clock = clock;
        map = new MemoryMap(config.memoryBytes());
        map.mapInto(memory, new byte[(int) (MemoryMap.BIOS_END - MemoryMap.BIOS_START)]);
        serial = new Uart16550(Uart16550.COM1, Uart16550.COM1_IRQ, (line, raised) -> {}, config.serial());
        serial.attach(this);
        new DebugExit(value -> end(new Outcome(Outcome.Kind.DEBUG_EXIT, value, ""))).attach(this);
    }

    private void end(Outcome outcome) {
        machine.end(outcome);
    }

    MemoryMap memoryMap() {
        return map;
    }

    ApicBus apicBus() {
        return apicBus;
    }

    int acknowledgeExternal() {
        return -1;
    }

    /** The first request of a window counts. */
    void request(Outcome outcome) {
        if (request == null) {
            request = outcome;
        }
    }

    void requestStop() {
        stopRequested = true;
    }

    Outcome takeRequest() {
        Outcome taken = request;
        request = null;
        if (taken == null && stopRequested) {
            stopRequested = false;
            return Outcome.of(Outcome.Kind.STOPPED, "stopped");
        }
        return taken;
    }

    @Override
    public long portIn(int port, int bytes) {
        long value = ports.in(port, bytes);
        Trace trace = machine.trace();
        if (trace.on) {
            trace.emit(TraceEvents.PORT_READ, port, bytes, value);
        }
        return value;
    }

    @Override
    public void portOut(int port, int bytes, long value) {
        Trace trace = machine.trace();
        if (trace.on) {
            trace.emit(TraceEvents.PORT_WRITE, port, bytes, value);
        }
        ports.out(port, bytes, value);
    }

    @Override
    public long now() {
        return clock.now();
    }

    @Override
    public void shutdown(Cpu cpu) {
        end(Outcome.of(Outcome.Kind.SHUTDOWN, "triple fault at " + Whereabouts.of(cpu)));
    }

    @Override
    public void mapPorts(int first, int count, int width, PortHandler handler) {
        ports.map(first, count, width, handler);
    }

    @Override
    public void unmapPorts(int first, int count, PortHandler handler) {
        ports.unmap(first, count, handler);
    }

    @Override
    public void mapMmio(long start, long length, MmioHandler handler) {
        memory.mapMmio(start, length, handler);
    }

    @Override
    public void unmapMmio(long start) {
        memory.unmap(start, PhysicalMemory.Kind.MMIO);
    }
}
