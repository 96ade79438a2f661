package nestbox.machine;

import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import nestbox.core.NestboxException;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.CpuFeatures;

/**
 * What a {@link Machine} is made of; immutable.
 *
 * @param memoryBytes size of RAM, which costs nothing until it is touched
 * @param cpus number of processors, 1 to 16
 * @param cpu the model of all processors
 * @param tlbPolicy retention policy of the translation caches: keep, none, lru:N or seeded:S
 * @param seed the source of every random choice
 * @param engine which engine executes
 * @param blockSize longest block of the block interpreter, in instructions; no result depends on it
 * @param quantum longest turn of one of several processors, in ticks
 * @param pauseTicks how much virtual time a PAUSE takes, in ticks; 1 makes it an instruction like any other
 * @param serial where the first serial port's output goes
 * @param debugConsole where what the guest writes to port 402h goes
 * @param screen there is a text screen at B8000h
 * @param pit there is an 8254 timer (QEMU's {@code -machine pit=off} leaves it out)
 * @param rtcStart what the real-time clock shows at the start, in seconds since 1970-01-01
 * @param rebootOnReset a hard reset boots the image again instead of ending the run
 * @param devices further devices on the board, behind its own, over whose ports theirs lie
 * @param virtualization plugs VMX or SVM into the processors
 */
public record MachineConfig(
        long memoryBytes,
        int cpus,
        CpuFeatures cpu,
        String tlbPolicy,
        long seed,
        Engine engine,
        int blockSize,
        int quantum,
        int pauseTicks,
        OutputStream serial,
        OutputStream debugConsole,
        boolean screen,
        boolean pit,
        long rtcStart,
        boolean rebootOnReset,
        List<DeviceFactory> devices,
        VirtualizationProvider virtualization) {
    public static final int MAX_CPUS = 16;
    private static final long LEAST_MEMORY = 1 << 20;

    /** What a PAUSE takes by default: docs/decisions/0015-waiting.md. */
    public static final int PAUSE_TICKS = 64;

    /** The engines. */
    public enum Engine {
        /** The block interpreter. */
        BLOCK,
        /** One instruction at a time: slow, and what the others are compared with. */
        REFERENCE
    }

    public MachineConfig {
        devices = List.copyOf(devices);
        List<String> reasons = new ArrayList<>();
        if (memoryBytes < LEAST_MEMORY) {
            reasons.add(memoryBytes + " bytes of memory are less than 1 MiB");
        }
        if (cpus < 1 || cpus > MAX_CPUS) {
            reasons.add(cpus + " processors are not between 1 and " + MAX_CPUS);
        }
        if (blockSize < 1) {
            reasons.add("a block of " + blockSize + " instructions is too short");
        }
        if (quantum < 1) {
            reasons.add("a turn of " + quantum + " ticks is too short");
        }
        if (pauseTicks < 1) {
            reasons.add("a PAUSE of " + pauseTicks + " ticks is too short");
        }
        if (cpu == null
                || serial == null
                || debugConsole == null
                || engine == null
                || tlbPolicy == null
                || virtualization == null) {
            reasons.add("processor model, engine, policy and serial output must be given");
        }
        if (tlbPolicy != null) {
            refused(tlbPolicy).ifPresent(reasons::add);
        }
        if (!reasons.isEmpty()) {
            throw new NestboxException("machine", String.join("; ", reasons));
        }
    }

    private static Optional<String> refused(String tlbPolicy) {
        try {
            RetentionPolicy.parse("tlb", tlbPolicy);
            return Optional.empty();
        } catch (NestboxException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** The defaults: 128 MiB, one processor, block interpreter, output thrown away, 2026-01-01. */
    public static Builder builder(CpuFeatures cpu) {
        return new Builder(cpu);
    }

    public Builder toBuilder() {
        Builder builder = new Builder(cpu);
        builder.memoryBytes = memoryBytes;
        builder.cpus = cpus;
        builder.tlbPolicy = tlbPolicy;
        builder.seed = seed;
        builder.engine = engine;
        builder.blockSize = blockSize;
        builder.quantum = quantum;
        builder.pauseTicks = pauseTicks;
        builder.serial = serial;
        builder.debugConsole = debugConsole;
        builder.screen = screen;
        builder.pit = pit;
        builder.rtcStart = rtcStart;
        builder.rebootOnReset = rebootOnReset;
        builder.devices.addAll(devices);
        builder.virtualization = virtualization;
        return builder;
    }

    /** Collects the parts of a configuration. */
    public static final class Builder {
        private CpuFeatures cpu;
        private long memoryBytes = 128L << 20;
        private int cpus = 1;
        private String tlbPolicy = "lru:2048";
        private long seed;
        private Engine engine = Engine.BLOCK;
        private int blockSize = 64;
        private int quantum = 1000;
        private int pauseTicks = PAUSE_TICKS;
        private OutputStream serial = OutputStream.nullOutputStream();
        private OutputStream debugConsole = OutputStream.nullOutputStream();
        private boolean screen;
        private boolean pit = true;
        private long rtcStart = 1_767_225_600L;
        private boolean rebootOnReset;
        private final List<DeviceFactory> devices = new ArrayList<>();
        private VirtualizationProvider virtualization = VirtualizationProvider.NONE;

        private Builder(CpuFeatures cpu) {
            this.cpu = cpu;
        }

        public Builder cpu(CpuFeatures value) {
            cpu = value;
            return this;
        }

        /** Adds a device. */
        public Builder device(DeviceFactory value) {
            devices.add(value);
            return this;
        }

        public Builder memoryBytes(long value) {
            memoryBytes = value;
            return this;
        }

        public Builder cpus(int value) {
            cpus = value;
            return this;
        }

        public Builder tlbPolicy(String value) {
            tlbPolicy = value;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        public Builder engine(Engine value) {
            engine = value;
            return this;
        }

        public Builder blockSize(int value) {
            blockSize = value;
            return this;
        }

        public Builder quantum(int value) {
            quantum = value;
            return this;
        }

        public Builder pauseTicks(int value) {
            pauseTicks = value;
            return this;
        }

        public Builder serial(OutputStream value) {
            serial = value;
            return this;
        }

        public Builder debugConsole(OutputStream value) {
            debugConsole = value;
            return this;
        }

        public Builder screen(boolean value) {
            screen = value;
            return this;
        }

        public Builder pit(boolean value) {
            pit = value;
            return this;
        }

        public Builder rtcStart(long value) {
            rtcStart = value;
            return this;
        }

        public Builder rebootOnReset(boolean value) {
            rebootOnReset = value;
            return this;
        }

        public Builder virtualization(VirtualizationProvider value) {
            virtualization = value;
            return this;
        }

        public MachineConfig build() {
            return new MachineConfig(
                    memoryBytes,
                    cpus,
                    cpu,
                    tlbPolicy,
                    seed,
                    engine,
                    blockSize,
                    quantum,
                    pauseTicks,
                    serial,
                    debugConsole,
                    screen,
                    pit,
                    rtcStart,
                    rebootOnReset,
                    devices,
                    virtualization);
        }
    }
}
