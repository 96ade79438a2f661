package nestbox.machine.device;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.InterruptSink;
import nestbox.machine.bus.PortHandler;

/** One 8259A interrupt controller (Intel 8259A data sheet), with the edge/level control register that PCI boards add. */
final class Pic8259 implements PortHandler, InterruptSink, Stateful {
    private static final int ICW1 = 0x10;
    private static final int ICW1_NEEDS_ICW4 = 1;
    private static final int ICW1_SINGLE = 2;
    private static final int ICW4_AUTO_EOI = 2;
    private static final int ICW4_SPECIAL_NESTED = 0x10;
    private static final int OCW3 = 8;
    private static final int SPURIOUS = 7;

    private final int base;
    private final boolean master;
    private final InterruptSink output;

    private int lines;
    private int requests;
    private int mask = 0xff;
    private int service;
    private int vectorBase;
    private int levelTriggered;
    /** The input with the lowest priority; the next one has the highest. */
    private int lowest = 7;

    /** The ICW that is expected next, 0 outside initialisation. */
    private int expected;

    private boolean needsIcw4;
    private boolean single;
    private boolean autoEoi;
    private boolean rotateInAutoEoi;
    private boolean specialNested;
    private boolean specialMask;
    private boolean readService;
    private boolean poll;

    /** @param output line 0 is the controller's INT output */
    Pic8259(int base, boolean master, InterruptSink output) {
        this.base = base;
        this.master = master;
        this.output = output;
    }

    /** The state that a PC's firmware leaves: initialised at {@code newVectorBase}, inputs masked as given. */
    void setUp(int newVectorBase, int newMask) {
        out(base, 1, ICW1 | ICW1_NEEDS_ICW4);
        out(base + 1, 1, newVectorBase);
        out(base + 1, 1, master ? 4 : 2);
        out(base + 1, 1, 1);
        out(base + 1, 1, newMask);
    }

    @Override
    public void setLine(int input, boolean raised) {
        int bit = 1 << input;
        boolean rose = raised && (lines & bit) == 0;
        lines = raised ? lines | bit : lines & ~bit;
        if (isLevel(bit)) {
            requests = raised ? requests | bit : requests & ~bit;
        } else if (rose) {
            requests |= bit;
        } else if (!raised) {
            requests &= ~bit;
        }
        update();
    }

    private boolean isLevel(int bit) {
        return (levelTriggered & bit) != 0;
    }

    void setLevelTriggered(int value) {
        levelTriggered = value;
    }

    int levelTriggered() {
        return levelTriggered;
    }

    /** Priority of the best set bit, 0 the highest, 8 if there is none. */
    private int priority(int bits) {
        for (int p = 0; p < 8; p++) {
            if ((bits >>> ((lowest + 1 + p) & 7) & 1) != 0) {
                return p;
            }
        }
        return 8;
    }

    /** The input to be served next, or -1. */
    private int pendingInput() {
        int priority = priority(requests & ~mask);
        int blocking = specialMask ? service & ~mask : service;
        if (specialNested && master) {
            blocking &= ~4;
        }
        if (priority == 8 || priority >= priority(blocking)) {
            return -1;
        }
        return (lowest + 1 + priority) & 7;
    }

    private void update() {
        output.setLine(0, pendingInput() >= 0);
    }

    /** The first INTA cycle: the input to be served goes into service; a request that went away gives input 7. */
    int acknowledge() {
        int input = pendingInput();
        if (input < 0) {
            return SPURIOUS;
        }
        int bit = 1 << input;
        if (!isLevel(bit)) {
            requests &= ~bit;
        }
        if (autoEoi) {
            if (rotateInAutoEoi) {
                lowest = input;
            }
        } else {
            service |= bit;
        }
        update();
        return input;
    }

    int vector(int input) {
        return vectorBase + input;
    }

    @Override
    public long in(int port, int bytes) {
        if (poll) {
            poll = false;
            int input = pendingInput();
            return input < 0 ? 0 : 0x80 | acknowledge();
        }
        if (port != base) {
            return mask;
        }
        return readService ? service : requests;
    }

    @Override
    public void out(int port, int bytes, long value) {
        int v = (int) value & 0xff;
        if (port == base) {
            if ((v & ICW1) != 0) {
                startInitialisation(v);
            } else if ((v & OCW3) != 0) {
                writeOcw3(v);
            } else {
                writeOcw2(v);
            }
        } else {
            writeData(v);
        }
        update();
    }

    private void startInitialisation(int v) {
        expected = 2;
        needsIcw4 = (v & ICW1_NEEDS_ICW4) != 0;
        single = (v & ICW1_SINGLE) != 0;
        mask = 0;
        service = 0;
        requests &= levelTriggered & lines;
        lowest = 7;
        specialMask = false;
        readService = false;
        autoEoi = false;
        specialNested = false;
        rotateInAutoEoi = false;
        poll = false;
    }

    private void writeData(int v) {
        switch (expected) {
            case 2:
                vectorBase = v & 0xf8;
                expected = !single ? 3 : needsIcw4 ? 4 : 0;
                break;
            case 3:
                expected = needsIcw4 ? 4 : 0;
                break;
            case 4:
                autoEoi = (v & ICW4_AUTO_EOI) != 0;
                specialNested = (v & ICW4_SPECIAL_NESTED) != 0;
                expected = 0;
                break;
            default:
                mask = v;
                break;
        }
    }

    private void writeOcw3(int v) {
        poll = (v & 4) != 0;
        if ((v & 2) != 0) {
            readService = (v & 1) != 0;
        }
        if ((v & 0x40) != 0) {
            specialMask = (v & 0x20) != 0;
        }
    }

    private void writeOcw2(int v) {
        int level = v & 7;
        int highest = priority(specialMask ? service & ~mask : service);
        int current = highest == 8 ? -1 : (lowest + 1 + highest) & 7;
        switch (v >>> 5) {
            case 0:
                rotateInAutoEoi = false;
                break;
            case 1:
                clear(current, false);
                break;
            case 3:
                clear(level, false);
                break;
            case 4:
                rotateInAutoEoi = true;
                break;
            case 5:
                clear(current, true);
                break;
            case 6:
                lowest = level;
                break;
            case 7:
                clear(level, true);
                break;
            default:
                break;
        }
    }

    private void clear(int input, boolean rotate) {
        if (input >= 0) {
            service &= ~(1 << input);
            if (rotate) {
                lowest = input;
            }
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("pic")
                .writeInt(lines)
                .writeInt(requests)
                .writeInt(mask)
                .writeInt(service)
                .writeInt(vectorBase);
        out.writeInt(levelTriggered)
                .writeInt(lowest)
                .writeInt(expected)
                .writeBoolean(needsIcw4)
                .writeBoolean(single);
        out.writeBoolean(autoEoi)
                .writeBoolean(rotateInAutoEoi)
                .writeBoolean(specialNested)
                .writeBoolean(specialMask);
        out.writeBoolean(readService).writeBoolean(poll);
    }

    @Override
    public void restore(StateReader in) {
        in.section("pic");
        lines = in.readInt();
        requests = in.readInt();
        mask = in.readInt();
        service = in.readInt();
        vectorBase = in.readInt();
        levelTriggered = in.readInt();
        lowest = in.readInt();
        expected = in.readInt();
        needsIcw4 = in.readBoolean();
        single = in.readBoolean();
        autoEoi = in.readBoolean();
        rotateInAutoEoi = in.readBoolean();
        specialNested = in.readBoolean();
        specialMask = in.readBoolean();
        readService = in.readBoolean();
        poll = in.readBoolean();
    }
}
