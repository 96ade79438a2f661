package nestbox.machine;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEvents;
import nestbox.machine.apic.ApicBus;
import nestbox.machine.apic.IoApic;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortBus;
import nestbox.machine.bus.PortHandler;
import nestbox.machine.device.AcpiPm;
import nestbox.machine.device.DebugConsole;
import nestbox.machine.device.DebugExit;
import nestbox.machine.device.FwCfg;
import nestbox.machine.device.Hpet;
import nestbox.machine.device.PicPair;
import nestbox.machine.device.Pit8254;
import nestbox.machine.device.Rtc;
import nestbox.machine.device.SystemControl;
import nestbox.machine.device.TestDevice;
import nestbox.machine.device.Uart16550;
import nestbox.machine.device.VideoWindow;
import nestbox.machine.firmware.AcpiTables;
import nestbox.machine.firmware.Bios;
import nestbox.machine.firmware.MemoryMap;
import nestbox.machine.firmware.ShadowMemory;
import nestbox.machine.pci.PciBus;
import nestbox.mmu.memory.MmioHandler;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.Platform;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** The board: buses, devices and firmware around the processors. */
public final class Board implements Platform, Bus, Stateful {
    private static final long FOUR_GIB = 1L << 32;
    /** Ticks from power-up to the first update of the real-time clock. */
    private static final long FIRST_RTC_UPDATE = Clock.HZ / 100;

    private final Machine machine;
    private final PhysicalMemory memory;
    private final Clock clock;
    private final PortBus ports = new PortBus();
    private final MemoryMap map;
    private final AcpiTables acpiTables;
    private final ApicBus apicBus = new ApicBus();
    private final IoApic ioApic = new IoApic(apicBus);
    private final PicPair pic;
    private final InterruptRouter interrupts;
    private final Uart16550 serial;
    private final Pit8254 pit;
    private final Rtc rtc;
    private final AcpiPm power;
    private final Hpet hpet;
    private final PciBus pci;
    private final FwCfg fwCfg;
    private final TestDevice testDevice;
    private final SystemControl control;
    private final ShadowMemory shadow;
    private final VideoWindow video;
    private final List<Stateful> devices;

    Board(Machine machine, MachineConfig config, PhysicalMemory memory, Clock clock, EventQueue events) {
        this.machine = machine;
        this.memory = memory;
        this.clock = clock;
        map = new MemoryMap(config.memoryBytes());
        map.mapInto(memory);
        acpiTables = new AcpiTables(map.tables(), config.cpus());
        byte[] rom = new Bios(acpiTables).rom();
        memory.mapRom(FOUR_GIB - rom.length, rom);
        shadow = new ShadowMemory(memory, rom);
        video = new VideoWindow(memory, machine::inManagementMode, config.screen());
        pic = new PicPair((line, raised) -> machine.setLint0(raised));
        interrupts = new InterruptRouter(pic, ioApic, machine.trace());
        serial = new Uart16550(Uart16550.COM1, Uart16550.COM1_IRQ, interrupts.source(), config.serial());
        pit = new Pit8254(clock, events, interrupts.source());
        power = new AcpiPm(clock, events, interrupts.source(), machine::sleep, new SmiLine());
        rtc = new Rtc(clock, events, rtcLine(interrupts.source()), config.rtcStart());
        rtc.endFirstSecond(FIRST_RTC_UPDATE);
        hpet = new Hpet(clock, events, interrupts.source());
        control = new SystemControl(new ControlActions());
        pci = new PciBus(control, new HostBridge());
        fwCfg = new FwCfg(config.memoryBytes(), config.cpus());
        testDevice = new TestDevice(interrupts.source());
        devices = new ArrayList<>(List.of(
                interrupts,
                pic,
                ioApic,
                serial,
                pit,
                power,
                rtc,
                hpet,
                control,
                pci,
                fwCfg,
                testDevice,
                shadow,
                video));
        attach(config);
        for (DeviceFactory factory : config.devices()) {
            devices.add(factory.create(this, interrupts.source(), clock, events));
        }
    }

    private final class SmiLine implements AcpiPm.SmiPin {
        @Override
        public boolean onCommand() {
            return pci.smiOnCommand();
        }

        @Override
        public void raise() {
            machine.raiseSmi();
        }
    }

    private final class HostBridge implements PciBus.HostBridgeListener {
        @Override
        public void attributeMap(int offset, int value) {
            shadow.setRegister(offset, value);
        }

        @Override
        public void smram(int value) {
            video.setSmram(value);
        }

        @Override
        public void powerManagementBase(int port) {
            power.setBase(port);
        }
    }

    /** Another firmware in ROM, which ends at 4 GiB and starts at the reset vector there. */
    void setFirmware(byte[] rom) {
        memory.mapRom(FOUR_GIB - rom.length, rom);
        shadow.setRom(rom);
        CpuFeatures cpu = machine.config().cpu();
        boolean intelMap = cpu.has(Feature.LM) && cpu.vendor() != Vendor.AMD;
        if (intelMap && new String(rom, StandardCharsets.ISO_8859_1).contains("SeaBIOS (version")) {
            // It knows no save map but the AMD64 and the 32-bit one, and waits forever for a handler that it gave up.
            pci.takeManagementMode();
        }
        setUpCmos();
    }

    /** The text screen, if there is one. */
    VideoWindow video() {
        return video;
    }

    /** The RTC can also wake the machine. */
    private InterruptSink rtcLine(InterruptSink line) {
        return (number, raised) -> {
            line.setLine(number, raised);
            if (raised && power.rtcEvent()) {
                machine.wake();
            }
        };
    }

    private void attach(MachineConfig config) {
        new DebugConsole(config.debugConsole()).attach(this);
        pic.attach(this);
        serial.attach(this);
        if (config.pit()) {
            pit.attach(this);
        }
        rtc.attach(this);
        power.attach(this);
        hpet.attach(this);
        control.attach(this);
        pci.attach(this);
        fwCfg.attach(this);
        testDevice.attach(this);
        mapMmio(IoApic.DEFAULT_BASE, 0x1000, ioApic);
        new DebugExit(value -> machine.end(new Outcome(Outcome.Kind.DEBUG_EXIT, value, ""))).attach(this);
        mapPorts(Bios.SERVICE_PORT, 1, 1, new FirmwareService());
    }

    /** The door through which the firmware's code in ROM asks for what the machine does in its place. */
    private final class FirmwareService implements PortHandler {
        @Override
        public long in(int port, int bytes) {
            return 0xff;
        }

        @Override
        public void out(int port, int bytes, long value) {
            machine.requestBoot();
        }
    }

    private final class ControlActions implements SystemControl.Actions {
        @Override
        public void softReset() {
            machine.softReset();
        }

        @Override
        public void hardReset() {
            machine.requestReset();
        }

        @Override
        public void powerOff() {
            machine.end(Outcome.of(Outcome.Kind.POWER_OFF, "powered off"));
        }

        @Override
        public void setA20(boolean open) {
            machine.setA20(open);
        }
    }

    /** The state of the devices when RESET rises. */
    void reset() {
        serial.reset();
        power.reset();
        hpet.reset();
        ioApic.reset();
        control.reset();
        pci.reset();
    }

    /** What the firmware does before it starts an image. */
    void setUpByFirmware() {
        if (machine.config().pit()) {
            pit.setUpByFirmware();
        }
        // Initialised after the timer, the controllers have forgotten its first edge.
        pic.setUpByFirmware();
        rtc.poke(Rtc.SHUTDOWN_STATUS, 0);
        setUpCmos();
        Bios.setUpLowMemory(memory);
        byte[] tables = acpiTables.image();
        memory.copyIn(map.tables(), tables, 0, tables.length);
    }

    /** The memory sizes in CMOS as a PC's firmware reads them: conventional, extended, above 16 MiB, above 4 GiB. */
    private void setUpCmos() {
        poke16(0x15, 640);
        long extended = Math.min(map.below4G() - (1 << 20) >>> 10, 0xffff);
        poke16(0x17, extended);
        poke16(0x30, extended);
        poke16(0x34, map.below4G() > 16 << 20 ? map.below4G() - (16 << 20) >>> 16 : 0);
        poke16(0x5b, map.above4G() >>> 16);
        rtc.poke(0x5d, (int) (map.above4G() >>> 32));
        rtc.poke(0x5f, machine.config().cpus() - 1);
    }

    private void poke16(int index, long value) {
        rtc.poke(index, (int) value);
        rtc.poke(index + 1, (int) (value >>> 8));
    }

    MemoryMap memoryMap() {
        return map;
    }

    /** The ACPI tables as the firmware builds them. */
    public AcpiTables acpiTables() {
        return acpiTables;
    }

    AcpiPm power() {
        return power;
    }

    ApicBus apicBus() {
        return apicBus;
    }

    /** A byte for the guest on the first serial port. */
    public void receiveSerial(int value) {
        serial.receive(value);
    }

    int acknowledgeExternal() {
        return pic.acknowledge();
    }

    /** Whether a device answers at that port; {@link nestbox.machine.bus.AbsentPorts} lists those without that software tries. */
    public boolean decodesPort(int port) {
        return ports.decodes(port);
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
    public int pauseTicks() {
        return machine.config().pauseTicks();
    }

    @Override
    public long idleTicks() {
        return machine.idleTicks();
    }

    /** The SMI handler of the machine's own firmware has nothing to do and returns at once; that of a BIOS image needs SMM. */
    @Override
    public boolean systemManagement(Cpu cpu) {
        return machine.ownFirmware();
    }

    @Override
    public void wakeExtension(Cpu cpu, long tick) {
        machine.timers().scheduleExtension(cpu, tick);
    }

    @Override
    public void wakeCounters(Cpu cpu, long tick) {
        machine.timers().scheduleCounters(cpu, tick);
    }

    @Override
    public void forEachProcessor(Cpu self, Consumer<Cpu> action) {
        machine.forEachProcessor(action);
    }

    @Override
    public void shutdown(Cpu cpu) {
        machine.end(Outcome.of(Outcome.Kind.SHUTDOWN, "triple fault at " + Whereabouts.of(cpu)));
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

    @Override
    public void save(StateWriter out) {
        for (Stateful device : devices) {
            device.save(out);
        }
    }

    @Override
    public void restore(StateReader in) {
        for (Stateful device : devices) {
            device.restore(in);
        }
    }
}
