package nestbox.machine.device;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortHandler;

/**
 * The 16550A serial port (National PC16550D data sheet). The line is infinitely fast: a transmitted byte has left when the
 * next instruction runs. Received bytes come from {@link #receive}.
 */
public final class Uart16550 implements PortHandler, Stateful {
    public static final int COM1 = 0x3f8;
    public static final int COM1_IRQ = 4;
    private static final int PORTS = 8;
    private static final int FIFO = 16;

    private static final int IER_RECEIVED = 1;
    private static final int IER_TRANSMIT_EMPTY = 2;
    private static final int IER_LINE_STATUS = 4;
    private static final int IER_MODEM_STATUS = 8;

    private static final int FCR_ENABLE = 1;
    private static final int FCR_RESET_RECEIVE = 2;
    private static final int FCR_TRIGGER = 6;
    private static final int[] TRIGGER_LEVELS = {1, 4, 8, 14};

    private static final int LCR_DLAB = 0x80;
    private static final int MCR_LOOPBACK = 0x10;
    private static final int MCR_OUT2 = 8;
    private static final int MCR_MASK = 0x1f;

    private static final int LSR_DATA_READY = 1;
    private static final int LSR_OVERRUN = 2;
    private static final int LSR_TRANSMIT_EMPTY = 0x60;

    private static final int MSR_CTS = 0x10;
    private static final int MSR_DSR = 0x20;
    private static final int MSR_RI = 0x40;
    private static final int MSR_DCD = 0x80;
    /** Bit 2 of the modem status tells only of the ring indicator's trailing edge. */
    private static final int MSR_DELTA_RI = 4;

    private static final int IIR_NONE = 1;
    private static final int IIR_MODEM_STATUS = 0;
    private static final int IIR_TRANSMIT_EMPTY = 2;
    private static final int IIR_RECEIVED = 4;
    private static final int IIR_LINE_STATUS = 6;
    private static final int IIR_TIMEOUT = 12;
    private static final int IIR_FIFOS = 0xc0;

    private final int base;
    private final int irq;
    private final InterruptSink interrupts;
    private final OutputStream output;

    private int ier;
    private int fcr;
    private int lcr;
    private int mcr;
    private int lsr = LSR_TRANSMIT_EMPTY;
    private int msr = MSR_CTS | MSR_DSR | MSR_DCD;
    private int scratch;
    private int divisor = 12;
    private boolean transmitInterrupt;
    private final int[] received = new int[FIFO];
    private int receivedFirst;
    private int receivedCount;

    public Uart16550(int base, int irq, InterruptSink interrupts, OutputStream output) {
        this.base = base;
        this.irq = irq;
        this.interrupts = interrupts;
        this.output = output;
    }

    public void attach(Bus bus) {
        bus.mapPorts(base, PORTS, 1, this);
    }

    /** A byte arrives on the line; a full receiver loses it and notes the overrun. */
    public void receive(int value) {
        if ((mcr & MCR_LOOPBACK) == 0) {
            push(value);
            updateInterrupt();
        }
    }

    private boolean fifos() {
        return (fcr & FCR_ENABLE) != 0;
    }

    private void push(int value) {
        if (receivedCount == (fifos() ? FIFO : 1)) {
            lsr |= LSR_OVERRUN;
            if (fifos()) {
                return;
            }
            receivedCount = 0;
        }
        received[(receivedFirst + receivedCount++) % FIFO] = value & 0xff;
        lsr |= LSR_DATA_READY;
    }

    @Override
    public long in(int port, int bytes) {
        switch (port - base) {
            case 0:
                return (lcr & LCR_DLAB) != 0 ? divisor & 0xff : readReceived();
            case 1:
                return (lcr & LCR_DLAB) != 0 ? divisor >>> 8 : ier;
            case 2:
                return readInterruptIdentification();
            case 3:
                return lcr;
            case 4:
                return mcr;
            case 5:
                return readLineStatus();
            case 6:
                return readModemStatus();
            default:
                return scratch;
        }
    }

    private int readReceived() {
        if (receivedCount == 0) {
            return 0;
        }
        int value = received[receivedFirst];
        receivedFirst = (receivedFirst + 1) % FIFO;
        if (--receivedCount == 0) {
            lsr &= ~LSR_DATA_READY;
        }
        updateInterrupt();
        return value;
    }

    private int readInterruptIdentification() {
        int cause = interruptCause();
        if (cause == IIR_TRANSMIT_EMPTY) {
            transmitInterrupt = false;
            updateInterrupt();
        }
        return cause | (fifos() ? IIR_FIFOS : 0);
    }

    private int readLineStatus() {
        int value = lsr;
        lsr &= ~LSR_OVERRUN;
        updateInterrupt();
        return value;
    }

    private int readModemStatus() {
        int value = msr;
        msr &= 0xf0;
        updateInterrupt();
        return value;
    }

    @Override
    public void out(int port, int bytes, long value) {
        int v = (int) value & 0xff;
        switch (port - base) {
            case 0:
                if ((lcr & LCR_DLAB) != 0) {
                    divisor = (divisor & 0xff00) | v;
                } else {
                    transmit(v);
                }
                break;
            case 1:
                writeInterruptEnable(v);
                break;
            case 2:
                writeFifoControl(v);
                break;
            case 3:
                lcr = v;
                break;
            case 4:
                mcr = v & MCR_MASK;
                setModemLines(modemLines());
                break;
            case 7:
                scratch = v;
                break;
            default:
                // The line and modem status registers are written only in factory tests.
                break;
        }
        updateInterrupt();
    }

    private void writeInterruptEnable(int v) {
        if ((lcr & LCR_DLAB) != 0) {
            divisor = (divisor & 0xff) | v << 8;
            return;
        }
        boolean wasEnabled = (ier & IER_TRANSMIT_EMPTY) != 0;
        ier = v & 0xf;
        if (!wasEnabled && (ier & IER_TRANSMIT_EMPTY) != 0) {
            transmitInterrupt = true;
        }
    }

    private void writeFifoControl(int v) {
        if (((v ^ fcr) & FCR_ENABLE) != 0 || (v & FCR_RESET_RECEIVE) != 0) {
            receivedCount = 0;
            lsr &= ~LSR_DATA_READY;
        }
        fcr = (v & FCR_ENABLE) != 0 ? v & 0xc9 : 0;
    }

    private void transmit(int value) {
        transmitInterrupt = true;
        if ((mcr & MCR_LOOPBACK) != 0) {
            push(value);
            return;
        }
        try {
            output.write(value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** In loopback DTR, RTS, OUT1 and OUT2 come back as DSR, CTS, RI and DCD; else the far end is always ready. */
    private int modemLines() {
        if ((mcr & MCR_LOOPBACK) == 0) {
            return MSR_CTS | MSR_DSR | MSR_DCD;
        }
        return ((mcr & 1) != 0 ? MSR_DSR : 0)
                | ((mcr & 2) != 0 ? MSR_CTS : 0)
                | ((mcr & 4) != 0 ? MSR_RI : 0)
                | ((mcr & 8) != 0 ? MSR_DCD : 0);
    }

    private void setModemLines(int lines) {
        int changed = (msr ^ lines) >>> 4 & 0xf;
        if ((lines & MSR_RI) != 0) {
            changed &= ~MSR_DELTA_RI;
        }
        msr = lines | (msr & 0xf) | changed;
    }

    private int interruptCause() {
        if ((ier & IER_LINE_STATUS) != 0 && (lsr & LSR_OVERRUN) != 0) {
            return IIR_LINE_STATUS;
        }
        if ((ier & IER_RECEIVED) != 0 && receivedCount > 0) {
            int trigger = fifos() ? TRIGGER_LEVELS[fcr >>> FCR_TRIGGER] : 1;
            return receivedCount >= trigger ? IIR_RECEIVED : IIR_TIMEOUT;
        }
        if ((ier & IER_TRANSMIT_EMPTY) != 0 && transmitInterrupt) {
            return IIR_TRANSMIT_EMPTY;
        }
        if ((ier & IER_MODEM_STATUS) != 0 && (msr & 0xf) != 0) {
            return IIR_MODEM_STATUS;
        }
        return IIR_NONE;
    }

    /** On the PC, OUT2 gates the interrupt line; in loopback the output pins are inactive. */
    private void updateInterrupt() {
        boolean gated = (mcr & MCR_OUT2) != 0 && (mcr & MCR_LOOPBACK) == 0;
        interrupts.setLine(irq, gated && interruptCause() != IIR_NONE);
    }

    public void reset() {
        ier = 0;
        fcr = 0;
        lcr = 0;
        mcr = 0;
        lsr = LSR_TRANSMIT_EMPTY;
        msr = MSR_CTS | MSR_DSR | MSR_DCD;
        divisor = 12;
        transmitInterrupt = false;
        receivedCount = 0;
        updateInterrupt();
    }

    @Override
    public void save(StateWriter out) {
        out.section("uart")
                .writeInt(ier)
                .writeInt(fcr)
                .writeInt(lcr)
                .writeInt(mcr)
                .writeInt(lsr)
                .writeInt(msr);
        out.writeInt(scratch).writeInt(divisor).writeBoolean(transmitInterrupt);
        out.writeInts(received).writeInt(receivedFirst).writeInt(receivedCount);
    }

    @Override
    public void restore(StateReader in) {
        in.section("uart");
        ier = in.readInt();
        fcr = in.readInt();
        lcr = in.readInt();
        mcr = in.readInt();
        lsr = in.readInt();
        msr = in.readInt();
        scratch = in.readInt();
        divisor = in.readInt();
        transmitInterrupt = in.readBoolean();
        in.readInts(received);
        receivedFirst = in.readIndex(FIFO);
        receivedCount = in.readInt(0, FIFO);
    }
}
