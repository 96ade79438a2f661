package nestbox.machine.device;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortHandler;

/**
 * The fixed hardware of ACPI (ACPI Specification, "ACPI Hardware Specification"): power-management timer, PM1a event and
 * control blocks, and the SMI command port that raises SMI# or turns ACPI mode on.
 */
public final class AcpiPm implements PortHandler, EventQueue.Target, Stateful {
    public static final int EVENT_BLOCK = 0x600;
    public static final int CONTROL_BLOCK = 0x604;
    public static final int TIMER_BLOCK = 0x608;
    public static final int GPE_BLOCK = 0xafe0;
    public static final int SMI_COMMAND = 0xb2;
    public static final int ACPI_ENABLE = 0xf1;
    public static final int ACPI_DISABLE = 0xf0;
    public static final int SCI = 9;
    /** Sleep types as the DSDT names them. */
    public static final int SLEEP_S5 = 0;

    public static final int SLEEP_S3 = 1;
    public static final int SLEEP_S4 = 2;

    private static final int STATUS_TIMER = 1;
    private static final int STATUS_RTC = 1 << 10;
    private static final int STATUS_WAKE = 1 << 15;
    private static final int STATUS_CLEARABLE = 0x8f31;
    private static final int CONTROL_SCI = 1;
    private static final int CONTROL_SLEEP_ENABLE = 1 << 13;
    private static final int CONTROL_WRITABLE = 0x1c06;
    /** The timer's highest bit, of 24. */
    private static final long TIMER_HALF = 1 << 23;

    private static final int OVERFLOW = 0;
    private static final int BLOCK_BYTES = 12;

    /** Told of the sleep states that software enters. */
    @FunctionalInterface
    public interface SleepListener {
        void sleep(int type);
    }

    /** The chipset around the command port. */
    public interface SmiPin {
        /** Whether a write to the command port raises SMI#. */
        boolean onCommand();

        void raise();
    }

    private final Frequency frequency = new Frequency(3_579_545);
    private final Clock clock;
    private final EventQueue events;
    private final int target;
    private final InterruptSink interrupts;
    private final SleepListener sleeper;
    private final SmiPin smi;

    private Bus bus;
    private int base = EVENT_BLOCK;
    private int status;
    private int enable;
    private int control;
    private int smiCommand;
    private int smiStatus;
    /** Half turns of the timer that the status covers. */
    private long halvesSeen;

    public AcpiPm(Clock clock, EventQueue events, InterruptSink interrupts, SleepListener sleeper, SmiPin smi) {
        this.clock = clock;
        this.events = events;
        this.interrupts = interrupts;
        this.sleeper = sleeper;
        this.smi = smi;
        target = events.register(this);
    }

    public void attach(Bus newBus) {
        bus = newBus;
        mapBlocks();
        bus.mapPorts(GPE_BLOCK, 4, 1, this);
        bus.mapPorts(SMI_COMMAND, 2, 1, this);
    }

    private void mapBlocks() {
        bus.mapPorts(base, 4, 2, this);
        bus.mapPorts(base + CONTROL_BLOCK - EVENT_BLOCK, 2, 2, this);
        bus.mapPorts(base + TIMER_BLOCK - EVENT_BLOCK, 4, 4, this);
    }

    /** Puts event, control and timer block elsewhere, as PMBA of the PIIX4 says (82371AB data sheet, "Power Management"). */
    public void setBase(int port) {
        if (port == base) {
            return;
        }
        bus.unmapPorts(base, 4, this);
        bus.unmapPorts(base + CONTROL_BLOCK - EVENT_BLOCK, 2, this);
        bus.unmapPorts(base + TIMER_BLOCK - EVENT_BLOCK, 4, this);
        base = port;
        mapBlocks();
    }

    /** The port where a register would be if the blocks lay where they do after RESET. */
    private int register(int port) {
        int offset = port - base;
        return offset >= 0 && offset < BLOCK_BYTES ? EVENT_BLOCK + offset : port;
    }

    public void reset() {
        status = 0;
        enable = 0;
        control = 0;
        update();
    }

    /** The RTC's interrupt line rose: it can wake the machine. */
    public boolean rtcEvent() {
        if ((enable & STATUS_RTC) == 0) {
            return false;
        }
        status |= STATUS_RTC;
        update();
        return true;
    }

    /** The machine has left a sleep state. */
    public void woken() {
        status |= STATUS_WAKE;
    }

    private long timer() {
        return frequency.cycles(clock.now());
    }

    @Override
    public long in(int absolute, int bytes) {
        int port = register(absolute);
        switch (port & ~1) {
            case EVENT_BLOCK:
                catchUp();
                return part(status, port);
            case EVENT_BLOCK + 2:
                return part(enable, port);
            case CONTROL_BLOCK:
                return part(control, port);
            case SMI_COMMAND:
                return port == SMI_COMMAND ? smiCommand : smiStatus;
            default:
                if (port >= GPE_BLOCK) {
                    return 0;
                }
                return (timer() & 0xffffff) >>> (8 * (port - TIMER_BLOCK));
        }
    }

    private static int part(int register, int port) {
        return register >>> (8 * (port & 1));
    }

    @Override
    public void out(int absolute, int bytes, long value) {
        int port = register(absolute);
        int shift = 8 * (port & 1);
        int mask = (bytes == 2 ? 0xffff : 0xff) << shift;
        int v = (int) value << shift;
        switch (port & ~1) {
            case EVENT_BLOCK:
                catchUp();
                status &= ~(v & STATUS_CLEARABLE);
                break;
            case EVENT_BLOCK + 2:
                catchUp();
                enable = (enable & ~mask) | (v & mask);
                break;
            case CONTROL_BLOCK:
                writeControl((control & ~mask) | (v & mask));
                break;
            case SMI_COMMAND:
                writeCommand(port, (int) value);
                break;
            default:
                break;
        }
        update();
    }

    /** Where no SMI handler of a firmware runs, the machine does what it would do with the two commands of ACPI. */
    private void writeCommand(int port, int value) {
        if (port != SMI_COMMAND) {
            smiStatus = value;
            return;
        }
        smiCommand = value;
        if (smi.onCommand()) {
            smi.raise();
        } else if (value == ACPI_ENABLE) {
            control |= CONTROL_SCI;
        } else if (value == ACPI_DISABLE) {
            control &= ~CONTROL_SCI;
        }
    }

    /** SLP_EN is write-only. SCI_EN can be written only where the firmware has an SMI handler that does so. */
    private void writeControl(int value) {
        int writable = CONTROL_WRITABLE | (smi.onCommand() ? CONTROL_SCI : 0);
        control = control & CONTROL_SCI & ~writable | value & writable;
        if ((value & CONTROL_SLEEP_ENABLE) != 0) {
            sleeper.sleep(value >>> 10 & 7);
        }
    }

    private void catchUp() {
        long halves = timer() / TIMER_HALF;
        if (halves != halvesSeen) {
            halvesSeen = halves;
            status |= STATUS_TIMER;
        }
    }

    private void update() {
        interrupts.setLine(
                SCI, (control & CONTROL_SCI) != 0 && (status & enable & (STATUS_TIMER | STATUS_RTC | 0x320)) != 0);
        if ((enable & STATUS_TIMER) != 0) {
            events.schedule(target, OVERFLOW, frequency.tick((timer() / TIMER_HALF + 1) * TIMER_HALF), 0);
        } else {
            events.cancel(target, OVERFLOW);
        }
    }

    @Override
    public void onEvent(int event, long argument, long due) {
        catchUp();
        update();
    }

    @Override
    public void save(StateWriter out) {
        out.section("acpi-pm")
                .writeInt(status)
                .writeInt(enable)
                .writeInt(control)
                .writeInt(smiCommand)
                .writeInt(smiStatus);
        out.writeLong(halvesSeen);
    }

    @Override
    public void restore(StateReader in) {
        in.section("acpi-pm");
        status = in.readInt();
        enable = in.readInt();
        control = in.readInt();
        smiCommand = in.readInt();
        smiStatus = in.readInt();
        halvesSeen = in.readLong();
    }
}
