package nestbox.machine.device;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;

/**
 * The ways to reset a PC, turn it off and gate its A20 line: port 92h, the keyboard controller (Intel 8042) at 60h and 64h,
 * the reset control register CF9h, and the "Shutdown" port of Bochs. The keyboard answers commands, but nobody types on it, and
 * it raises no interrupt.
 */
public final class SystemControl implements PortHandler, Stateful {
    private static final int KEYBOARD_DATA = 0x60;
    private static final int KEYBOARD_COMMAND = 0x64;
    private static final int POST_CODE = 0x80;
    private static final int FAST_A20 = 0x92;
    private static final int SHUTDOWN = 0x8900;
    private static final String SHUTDOWN_WORD = "Shutdown";

    private static final int FAST_A20_RESET = 1;
    private static final int FAST_A20_GATE = 2;
    private static final int OUTPUT_FULL = 1;
    private static final int STATUS_IDLE = 0x1c;
    private static final int OUTPUT_NO_RESET = 1;
    private static final int OUTPUT_A20 = 2;
    private static final int RESET_CPU = 4;
    private static final int RESET_FULL = 2;
    private static final int ACKNOWLEDGED = 0xfa;
    private static final int SELF_TEST_PASSED = 0xaa;

    /** What the board does on behalf of the guest. */
    public interface Actions {
        /** A pulse on the processors' INIT line. */
        void softReset();

        void hardReset();

        void powerOff();

        void setA20(boolean open);
    }

    private final Actions actions;
    private int fastA20 = FAST_A20_GATE;
    private int outputPort = OUTPUT_NO_RESET | OUTPUT_A20;
    private int commandByte = 0x61;
    /** The 8042 command whose data byte is expected at port 60h, 0 for none. */
    private int pendingCommand;

    private int outputBuffer;
    private boolean outputFull;
    /** What the keyboard says next, 9 bits each: 100h and a byte. */
    private int following;

    private int postCode;
    private int resetControl;
    private int shutdownMatched;

    public SystemControl(Actions actions) {
        this.actions = actions;
    }

    public void attach(Bus bus) {
        bus.mapPorts(KEYBOARD_DATA, 1, 1, this);
        bus.mapPorts(KEYBOARD_COMMAND, 1, 1, this);
        bus.mapPorts(POST_CODE, 1, 1, this);
        bus.mapPorts(FAST_A20, 1, 1, this);
        bus.mapPorts(SHUTDOWN, 1, 1, this);
    }

    public void reset() {
        fastA20 = FAST_A20_GATE;
        outputPort = OUTPUT_NO_RESET | OUTPUT_A20;
        pendingCommand = 0;
        outputFull = false;
        following = 0;
        resetControl = 0;
        shutdownMatched = 0;
        actions.setA20(true);
    }

    @Override
    public long in(int port, int bytes) {
        switch (port) {
            case KEYBOARD_DATA:
                return readData();
            case KEYBOARD_COMMAND:
                return STATUS_IDLE | (outputFull ? OUTPUT_FULL : 0);
            case FAST_A20:
                return fastA20;
            case POST_CODE:
                return postCode;
            default:
                return 0xff;
        }
    }

    @Override
    public void out(int port, int bytes, long value) {
        int v = (int) value;
        switch (port) {
            case KEYBOARD_DATA:
                writeData(v);
                break;
            case KEYBOARD_COMMAND:
                writeCommand(v);
                break;
            case FAST_A20:
                writeFastA20(v);
                break;
            case SHUTDOWN:
                matchShutdown(v);
                break;
            default:
                postCode = v;
                break;
        }
    }

    private void writeFastA20(int v) {
        boolean pulse = (v & FAST_A20_RESET) != 0 && (fastA20 & FAST_A20_RESET) == 0;
        fastA20 = v & (FAST_A20_RESET | FAST_A20_GATE);
        boolean open = (v & FAST_A20_GATE) != 0;
        outputPort = open ? outputPort | OUTPUT_A20 : outputPort & ~OUTPUT_A20;
        actions.setA20(open);
        if (pulse) {
            actions.softReset();
        }
    }

    /** Both ways to gate A20 drive one line here, and each shows what the other did: the last write counts. */
    private void setOutputPort(int v) {
        outputPort = v;
        fastA20 = (fastA20 & FAST_A20_RESET) | ((v & OUTPUT_A20) != 0 ? FAST_A20_GATE : 0);
        actions.setA20((v & OUTPUT_A20) != 0);
        if ((v & OUTPUT_NO_RESET) == 0) {
            outputPort |= OUTPUT_NO_RESET;
            actions.softReset();
        }
    }

    private void answer(int value) {
        outputBuffer = value;
        outputFull = true;
        following = 0;
    }

    private int readData() {
        int value = outputBuffer;
        outputFull = following != 0;
        if (outputFull) {
            outputBuffer = following & 0xff;
            following >>>= 9;
        }
        return value;
    }

    /** A command to the keyboard: reset ends with the self test's result, and it identifies itself as an AT keyboard. */
    private void keyboard(int command) {
        answer(ACKNOWLEDGED);
        if (command == 0xff) {
            following = 0x100 | SELF_TEST_PASSED;
        } else if (command == 0xf2) {
            following = 0x1ab | 0x183 << 9;
        }
    }

    private void writeCommand(int v) {
        switch (v) {
            case 0x20:
                answer(commandByte);
                break;
            case 0x60:
            case 0xd1:
            case 0xd2:
            case 0xd4:
                pendingCommand = v;
                break;
            case 0xaa:
                answer(0x55);
                break;
            case 0xab:
                answer(0);
                break;
            case 0xd0:
                answer(outputPort);
                break;
            default:
                if (v >= 0xf0 && (v & 1) == 0) {
                    actions.softReset();
                }
                break;
        }
    }

    private void writeData(int v) {
        int command = pendingCommand;
        pendingCommand = 0;
        switch (command) {
            case 0x60:
                commandByte = v;
                break;
            case 0xd1:
                setOutputPort(v);
                break;
            case 0xd2:
                answer(v);
                break;
            case 0xd4:
                break;
            default:
                keyboard(v);
                break;
        }
    }

    private void matchShutdown(int v) {
        shutdownMatched = v == SHUTDOWN_WORD.charAt(shutdownMatched) ? shutdownMatched + 1 : v == 'S' ? 1 : 0;
        if (shutdownMatched == SHUTDOWN_WORD.length()) {
            shutdownMatched = 0;
            actions.powerOff();
        }
    }

    /** The reset control register, which the PCI bridge decodes at port CF9h. */
    public int resetControl() {
        return resetControl;
    }

    /** A rising bit 2 resets: everything with bit 1, else the processors alone. */
    public void writeResetControl(int v) {
        boolean rises = (v & RESET_CPU) != 0 && (resetControl & RESET_CPU) == 0;
        resetControl = v & (RESET_CPU | RESET_FULL);
        if (rises) {
            resetControl &= ~RESET_CPU;
            if ((v & RESET_FULL) != 0) {
                actions.hardReset();
            } else {
                actions.softReset();
            }
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("system-control")
                .writeInt(fastA20)
                .writeInt(outputPort)
                .writeInt(commandByte)
                .writeInt(pendingCommand);
        out.writeInt(outputBuffer).writeBoolean(outputFull).writeInt(postCode).writeInt(resetControl);
        out.writeInt(shutdownMatched).writeInt(following);
    }

    @Override
    public void restore(StateReader in) {
        in.section("system-control");
        fastA20 = in.readInt();
        outputPort = in.readInt();
        commandByte = in.readInt();
        pendingCommand = in.readInt();
        outputBuffer = in.readInt();
        outputFull = in.readBoolean();
        postCode = in.readInt();
        resetControl = in.readInt();
        shutdownMatched = in.readIndex(SHUTDOWN_WORD.length());
        following = in.readInt();
        actions.setA20((outputPort & OUTPUT_A20) != 0);
    }
}
