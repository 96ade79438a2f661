package nestbox.machine.apic;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.InterruptSink;
import nestbox.mmu.memory.MmioHandler;

/**
 * An I/O APIC with 24 inputs (Intel 82093AA data sheet, with the EOI register of later ones): redirection entries, edge and
 * level inputs with remote IRR, and the polarity that each entry takes its input by. Inputs 0 to 15 are a PC's IRQs, high while
 * a device asserts them; inputs 16 to 23 are PCI's INTx# lines, which rest high.
 */
public final class IoApic implements MmioHandler, InterruptSink, Stateful {
    public static final long DEFAULT_BASE = 0xfec00000L;
    public static final int PINS = 24;
    private static final int VERSION = 0x20;

    private static final int SELECT = 0;
    private static final int WINDOW = 0x10;
    private static final int EOI = 0x40;
    private static final int REG_ID = 0;
    private static final int REG_VERSION = 1;
    private static final int REG_ARBITRATION = 2;
    private static final int REG_ENTRIES = 0x10;

    private static final long LOGICAL = 1 << 11;
    private static final long ACTIVE_LOW = 1 << 13;
    private static final long REMOTE_IRR = 1 << 14;
    private static final long LEVEL = 1 << 15;
    private static final long MASKED = 1 << 16;
    private static final long WRITABLE = 0xff0000000001afffL;

    /** Inputs that are low while a device asserts them. */
    private static final int PCI_PINS = 0xff0000;

    private final ApicBus bus;
    private final long[] entries = new long[PINS];
    private int id;
    private int select;
    /** Inputs that are electrically high. */
    private int high = PCI_PINS;

    public IoApic(ApicBus bus) {
        this.bus = bus;
        bus.add(this);
        reset();
    }

    public void reset() {
        java.util.Arrays.fill(entries, MASKED);
        id = 0;
        select = 0;
    }

    /** A device asserts an input or ceases to; whether the input sees it so is for its entry's polarity to say. */
    @Override
    public void setLine(int pin, boolean asserted) {
        int bit = 1 << pin;
        boolean before = active(pin);
        high = asserted == ((PCI_PINS & bit) == 0) ? high | bit : high & ~bit;
        long entry = entries[pin];
        if ((entry & LEVEL) != 0) {
            serviceLevel(pin);
        } else if (active(pin) && !before && (entry & MASKED) == 0) {
            send(entry);
        }
    }

    private boolean active(int pin) {
        return (high >>> pin & 1) != 0 ^ (entries[pin] & ACTIVE_LOW) != 0;
    }

    private void serviceLevel(int pin) {
        long entry = entries[pin];
        if (active(pin) && (entry & (MASKED | REMOTE_IRR)) == 0) {
            int mode = (int) (entry >>> 8) & 7;
            if (mode <= ApicMessage.MODE_LOWEST_PRIORITY) {
                entries[pin] |= REMOTE_IRR;
            }
            send(entry);
        }
    }

    private void send(long entry) {
        int mode = (int) (entry >>> 8) & 7;
        boolean level = (entry & LEVEL) != 0;
        bus.send(new ApicMessage((int) (entry >>> 56), false, (entry & LOGICAL) != 0, mode, (int) entry & 0xff, level));
    }

    /** A local APIC ended a level-triggered interrupt: entries with that vector may fire again. */
    void endOfInterrupt(int vector) {
        for (int pin = 0; pin < PINS; pin++) {
            if ((entries[pin] & 0xff) == vector && (entries[pin] & REMOTE_IRR) != 0) {
                entries[pin] &= ~REMOTE_IRR;
                serviceLevel(pin);
            }
        }
    }

    @Override
    public long read(long offset, int size) {
        switch ((int) offset & 0xff) {
            case SELECT:
                return select;
            case WINDOW:
                return readRegister();
            default:
                return 0;
        }
    }

    private long readRegister() {
        int entry = (select - REG_ENTRIES) >>> 1;
        if (select >= REG_ENTRIES && entry < PINS) {
            return ((select & 1) != 0 ? entries[entry] >>> 32 : entries[entry]) & 0xffffffffL;
        }
        switch (select) {
            case REG_ID:
            case REG_ARBITRATION:
                return (long) id << 24;
            case REG_VERSION:
                return VERSION | (PINS - 1) << 16;
            default:
                return 0;
        }
    }

    @Override
    public void write(long offset, int size, long value) {
        switch ((int) offset & 0xff) {
            case SELECT:
                select = (int) value & 0xff;
                break;
            case WINDOW:
                writeRegister(value & 0xffffffffL);
                break;
            case EOI:
                endOfInterrupt((int) value & 0xff);
                break;
            default:
                break;
        }
    }

    private void writeRegister(long value) {
        int pin = (select - REG_ENTRIES) >>> 1;
        if (select == REG_ID) {
            id = (int) (value >>> 24) & 0xf;
        } else if (select >= REG_ENTRIES && pin < PINS) {
            long half = (select & 1) != 0 ? 0xffffffffL : 0xffffffff00000000L;
            long written = (select & 1) != 0 ? value << 32 : value;
            long before = entries[pin];
            long merged = (before & half) | (written & ~half);
            entries[pin] = (merged & WRITABLE) | (before & REMOTE_IRR);
            if ((entries[pin] & LEVEL) == 0) {
                entries[pin] &= ~REMOTE_IRR;
            }
            if ((entries[pin] & LEVEL) != 0) {
                serviceLevel(pin);
            }
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("ioapic").writeLongs(entries).writeInt(id).writeInt(select).writeInt(high);
    }

    @Override
    public void restore(StateReader in) {
        in.section("ioapic");
        in.readLongs(entries);
        id = in.readInt();
        select = in.readInt();
        high = in.readInt();
    }
}
