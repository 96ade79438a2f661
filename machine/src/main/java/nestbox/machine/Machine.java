package nestbox.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.UnsupportedFeatureException;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEvents;
import nestbox.machine.apic.ApicBus;
import nestbox.machine.apic.ApicWindows;
import nestbox.machine.apic.CpuApic;
import nestbox.machine.apic.LocalApic;
import nestbox.machine.device.AcpiPm;
import nestbox.machine.firmware.Bios;
import nestbox.machine.load.BootProtocol;
import nestbox.machine.load.BootState;
import nestbox.machine.load.ImageFile;
import nestbox.machine.load.LinuxBoot;
import nestbox.machine.load.Multiboot;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.engine.Execution;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.Feature;
import nestbox.x86.system.Reset;

/**
 * A PC: processors, memory and devices on one virtual clock. Load an image, then {@link #run} until an {@link Outcome}.
 * Nothing is shared between machines, and nothing runs outside {@link #run}.
 */
public final class Machine implements Stateful {
    private static final long SLEEP_LIMIT = 100 * Clock.HZ;
    /** Ticks after which no saved state is expected: decades. */
    private static final long LATEST = 1L << 60;

    private final MachineConfig config;
    private final Underneath underneath;
    private final PhysicalMemory memory;
    private final Clock clock = new Clock();
    private final EventQueue events = new EventQueue();
    private final Trace trace = new Trace(clock);
    private final Board board;
    private final Execution[] processors;
    private final List<LocalApic> apics = new ArrayList<>();
    private final ProcessorStates states;
    private final Scheduler scheduler;
    private final ApicWindows windows;
    private Outcome request;
    private volatile boolean stopRequested;
    /** The machine sleeps in S3: only events go on. */
    private boolean suspended;

    private boolean wakeRequested;
    private boolean bootRequested;
    private final ProcessorTimers timers;
    private boolean resetRequested;
    private ImageFile image;
    private BootProtocol protocol = BootProtocol.MULTIBOOT;
    private String commandLine = "";
    private List<ImageFile> modules = List.of();

    /** A machine whose processors have the silicon's memory port with the configured retention policy. */
    public Machine(MachineConfig config) {
        this(config, silicon(config));
    }

    private static Cpu.PortFactory silicon(MachineConfig config) {
        RetentionPolicy policy = RetentionPolicy.parse("tlb", config.tlbPolicy());
        return cpu -> new SiliconPort(cpu, cpu.physical, policy);
    }

    /** A machine with another kind of memory port, such as a test's. */
    public Machine(MachineConfig config, Cpu.PortFactory ports) {
        this(config, new BareSilicon(config, ports));
    }

    /** A machine whose processors something else executes, such as a hypervisor. */
    public Machine(MachineConfig config, Underneath underneath) {
        this.config = config;
        this.underneath = underneath;
        memory = new PhysicalMemory(config.cpu().physicalBits());
        memory.setTrace(trace);
        underneath.begin(memory, clock, trace);
        board = new Board(this, config, memory, clock, events);
        processors = new Execution[config.cpus()];
        states = new ProcessorStates(processors, apics);
        ApicBus apicBus = board.apicBus();
        windows = new ApicWindows(memory, apics, this::currentApic);
        for (int i = 0; i < processors.length; i++) {
            Cpu cpu = new Cpu(i, config.cpu(), board, memory, underneath::port, config.seed() + i);
            cpu.trace = trace;
            cpu.extension = config.virtualization().create(cpu);
            apics.add(new CpuApic(cpu, apicBus, clock, events, board::acknowledgeExternal, windows).local());
            Decoder decoder = new Decoder(config.cpu());
            processors[i] = underneath.execution(cpu, decoder, new ReferenceEngine(cpu, decoder));
            Reset.power(cpu);
        }
        Cpu[] cpus = java.util.Arrays.stream(processors).map(Execution::cpu).toArray(Cpu[]::new);
        timers = new ProcessorTimers(events, cpus);
        scheduler = new Scheduler(processors, clock, events, trace, config.quantum());
        underneath.interludes(scheduler);
    }

    void forEachProcessor(Consumer<Cpu> action) {
        for (Execution processor : processors) {
            action.accept(processor.cpu());
        }
    }

    ProcessorTimers timers() {
        return timers;
    }

    private LocalApic currentApic() {
        Cpu cpu = scheduler.current();
        return cpu == null ? null : apics.get(cpu.id);
    }

    public MachineConfig config() {
        return config;
    }

    public int cpus() {
        return processors.length;
    }

    public Cpu cpu(int index) {
        return processors[index].cpu();
    }

    public LocalApic apic(int index) {
        return apics.get(index);
    }

    public PhysicalMemory memory() {
        return memory;
    }

    public Clock clock() {
        return clock;
    }

    /** Where sinks can listen to what happens in the machine. */
    public Trace trace() {
        return trace;
    }

    public EventQueue events() {
        return events;
    }

    public Board board() {
        return board;
    }

    /** Instructions that all processors have retired. */
    public long retired() {
        long sum = 0;
        for (Execution processor : processors) {
            sum += processor.cpu().retired();
        }
        return sum;
    }

    /** Virtual time in ticks. */
    public long now() {
        return Math.max(scheduler.now(), clock.exact());
    }

    /**
     * Loads an image by the protocol that it asks for and makes the machine ready to run it, as the firmware leaves a PC. A BIOS
     * becomes the firmware and starts at the reset vector.
     *
     * @param newModules files that the image gets as modules or initial RAM disk (QEMU's {@code -initrd})
     * @throws NestboxException naming file, offset and field of what is wrong with the image
     */
    public void load(ImageFile newImage, String newCommandLine, List<ImageFile> newModules) {
        image = newImage;
        commandLine = newCommandLine;
        modules = List.copyOf(newModules);
        protocol = BootProtocol.of(image);
        if (protocol == BootProtocol.BIOS) {
            board.setFirmware(image.bytes());
        }
        boot();
    }

    private void boot() {
        if (protocol == BootProtocol.BIOS) {
            return;
        }
        if (image == null) {
            throw new UnsupportedFeatureException("boot", "the image of a saved state is not part of it");
        }
        board.setUpByFirmware();
        apics.forEach(LocalApic::setUpByFirmware);
        for (int i = 1; i < processors.length; i++) {
            Cpu cpu = processors[i].cpu();
            cpu.fpu.init();
            cpu.activity = Cpu.WAIT_FOR_SIPI;
            cpu.pend(Cpu.PENDING_INACTIVE);
        }
        Cpu bootstrap = processors[0].cpu();
        if (protocol == BootProtocol.LINUX) {
            LinuxBoot.Surroundings surroundings = new LinuxBoot.Surroundings(
                    board.memoryMap(), Bios.rootPointer(), config.cpu().has(Feature.LM), config.screen());
            BootState.linux(bootstrap, LinuxBoot.load(image, commandLine, modules, memory, surroundings));
        } else {
            BootState.multiboot(bootstrap, Multiboot.load(image, commandLine, modules, memory, board.memoryMap()));
        }
    }

    /** Ends the run at the next instruction boundary; the first outcome of a window counts. */
    void end(Outcome newOutcome) {
        if (request == null) {
            request = newOutcome;
        }
        scheduler.stop();
    }

    /** Asks a running {@link #run} to return {@link Outcome.Kind#STOPPED} soon; may be called from another thread. */
    public void stop() {
        stopRequested = true;
    }

    /** The firmware has come to the point where it starts an image. */
    void requestBoot() {
        bootRequested = true;
        scheduler.stop();
    }

    /** Whether the processor that runs is in system management mode. */
    boolean inManagementMode() {
        Cpu running = scheduler.current();
        return running != null && running.smm;
    }

    /** Whether no BIOS image stands in for the machine's own firmware. */
    boolean ownFirmware() {
        return protocol != BootProtocol.BIOS;
    }

    /** See {@link nestbox.x86.Platform#idleTicks}. */
    long idleTicks() {
        return scheduler.idleTicks();
    }

    /** The chipset asserts SMI#, which as on QEMU's board is wired to the bootstrap processor. */
    void raiseSmi() {
        processors[0].cpu().pend(Cpu.PENDING_SMI);
    }

    /** The lines of the text screen; none if the machine has no screen. */
    public List<String> screen() {
        return board.video().lines();
    }

    void requestReset() {
        resetRequested = true;
        scheduler.stop();
    }

    /** A pulse on the INIT line of all processors. */
    void softReset() {
        for (Execution processor : processors) {
            processor.cpu().unpend(Cpu.PENDING_SIPI);
            processor.cpu().pend(Cpu.PENDING_INIT);
        }
    }

    void setA20(boolean open) {
        for (Execution processor : processors) {
            processor.cpu().mem.port().control().setA20(open);
        }
    }

    void setLint0(boolean raised) {
        for (LocalApic apic : apics) {
            apic.setPin(0, raised);
        }
    }

    /** ACPI's sleep states: S3 keeps memory and waits for an event, S4 and S5 turn the machine off. */
    void sleep(int type) {
        if (type == AcpiPm.SLEEP_S3) {
            suspended = true;
            scheduler.stop();
        } else if (type == AcpiPm.SLEEP_S5 || type == AcpiPm.SLEEP_S4) {
            end(Outcome.of(Outcome.Kind.POWER_OFF, type == AcpiPm.SLEEP_S5 ? "powered off" : "hibernated"));
        }
    }

    void wake() {
        wakeRequested = suspended;
    }

    /** Does between windows what a device asked for; says how the run ends, or null if it goes on. */
    private Outcome serve() {
        if (request != null) {
            Outcome taken = request;
            request = null;
            return taken;
        }
        if (resetRequested) {
            resetRequested = false;
            if (!config.rebootOnReset()) {
                return Outcome.of(Outcome.Kind.RESET, "the guest reset the machine");
            }
            reset();
            boot();
        }
        if (bootRequested) {
            bootRequested = false;
            boot();
        }
        if (wakeRequested) {
            resume();
        }
        if (stopRequested) {
            stopRequested = false;
            return Outcome.of(Outcome.Kind.STOPPED, "stopped");
        }
        return null;
    }

    /** RESET: devices and processors start over, memory stays. */
    private void reset() {
        if (trace.on) {
            trace.emit(TraceEvents.RESET);
        }
        board.reset();
        for (int i = 0; i < processors.length; i++) {
            apics.get(i).reset();
            Reset.power(processors[i].cpu());
        }
    }

    /** From S3 the processors come out of RESET; the firmware finds the waking vector and goes there in real mode. */
    private void resume() {
        suspended = false;
        wakeRequested = false;
        reset();
        board.power().woken();
        if (protocol == BootProtocol.BIOS) {
            return;
        }
        long vector = memory.read(board.acpiTables().wakingVector(), 4);
        BootState.realMode(processors[0].cpu(), (int) (vector >>> 4), (int) vector & 0xf);
    }

    /** Runs until something ends the run, or for {@code limit} more instructions of all processors together. */
    public Outcome run(long limit) {
        try {
            return runUntilOutcome(limit);
        } finally {
            for (Execution processor : processors) {
                processor.settle();
            }
        }
    }

    private Outcome runUntilOutcome(long limit) {
        long end = retired() + limit;
        long sleptSince = -1;
        while (true) {
            Scheduler.Progress progress;
            long left = end < 0 ? Long.MAX_VALUE : end - retired();
            if (left <= 0) {
                return Outcome.of(Outcome.Kind.LIMIT, "limit of " + limit + " instructions reached");
            }
            Outcome outcome;
            try {
                progress = suspended ? scheduler.sleep() : scheduler.window(left);
                outcome = serve();
            } catch (UnsupportedFeatureException e) {
                return Outcome.of(Outcome.Kind.UNSUPPORTED, e.getMessage() + " at " + whereabouts());
            } catch (EndOfRunException e) {
                Outcome last = e.outcome();
                return new Outcome(last.kind(), last.code(), last.detail() + " at " + whereabouts());
            }
            if (outcome != null) {
                return outcome;
            }
            switch (progress) {
                case RAN -> sleptSince = -1;
                case SLEPT -> {
                    sleptSince = sleptSince < 0 ? scheduler.now() : sleptSince;
                    if (scheduler.now() - sleptSince > SLEEP_LIMIT && deaf()) {
                        return haltedForever();
                    }
                }
                default -> {
                    return haltedForever();
                }
            }
        }
    }

    /** Whether no processor would take an interrupt, so that at most an NMI could end the sleep. */
    private boolean deaf() {
        for (Execution processor : processors) {
            Cpu cpu = processor.cpu();
            if (cpu.activity == Cpu.HALTED && (cpu.rflags() & nestbox.x86.Flags.IF) != 0) {
                return false;
            }
        }
        return true;
    }

    private Outcome haltedForever() {
        return Outcome.of(Outcome.Kind.HALTED_FOREVER, "every processor is halted for good; " + whereabouts());
    }

    /** SHA-256 over the whole state: processors, memory, devices, time. Equal runs have equal digests, whatever engine ran. */
    public String digest() {
        StateWriter state = new StateWriter();
        saveAllButMemory(state);
        states.saveExtensions(state);
        return StateDigest.of(state, memory);
    }

    private void saveAllButMemory(StateWriter out) {
        out.section("machine").writeBoolean(suspended);
        clock.save(out);
        events.save(out);
        scheduler.save(out);
        board.save(out);
        states.save(out);
    }

    /**
     * Writes the state between two calls of {@link #run}. The image for a later reboot is not part of it.
     *
     * @throws UnsupportedFeatureException if a processor has a virtualization extension that does not save its state
     */
    @Override
    public void save(StateWriter out) {
        states.check();
        saveAllButMemory(out);
        states.saveTranslations(out);
        states.saveExtensions(out);
        memory.save(out);
        underneath.save(out);
    }

    /** Continues where a machine of the same configuration was saved. */
    @Override
    public void restore(StateReader in) {
        in.section("machine");
        suspended = in.readBoolean();
        clock.restore(in);
        events.restore(in);
        scheduler.restore(in);
        checkTimes();
        board.restore(in);
        states.restore(in);
        memory.restore(in);
        underneath.restore(in);
        windows.windowChanged();
    }

    /** Periodic devices would try to catch up with a time that their events lie far behind. */
    private void checkTimes() {
        long now = scheduler.now();
        boolean inRange = now >= 0 && now < LATEST && clock.exact() >= 0 && clock.exact() < LATEST;
        if (!inRange || events.nextDue() < now - Clock.HZ) {
            throw new NestboxException("state", "events are due at " + events.nextDue() + ", time is " + now);
        }
    }

    private String whereabouts() {
        Cpu running = scheduler.current();
        return Whereabouts.of(running == null ? processors[0].cpu() : running);
    }
}
