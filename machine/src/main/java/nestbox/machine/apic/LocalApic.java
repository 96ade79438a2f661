package nestbox.machine.apic;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.memory.MmioHandler;

/**
 * A local APIC (SDM Vol. 3, "Advanced Programmable Interrupt Controller"): xAPIC registers as MMIO, the same registers as
 * x2APIC MSRs through {@link X2Apic}. It knows its processor only as an {@link ApicClient}.
 */
public final class LocalApic implements MmioHandler, Stateful {
    public static final long DEFAULT_BASE = 0xfee00000L;
    public static final long BASE_BSP = 1 << 8;
    public static final long BASE_X2APIC = 1 << 10;
    public static final long BASE_ENABLED = 1 << 11;

    private static final int VERSION = 0x14;
    private static final int VERSION_EOI_SUPPRESSION = 1 << 24;
    private static final int FIRST_LEGAL_VECTOR = 16;
    private static final int TIMER = 0;
    private static final int PERFORMANCE = 2;
    private static final int LINT0 = 3;
    private static final int ERROR = 5;

    private final int id;
    private final ApicBus bus;
    private final ApicClient client;
    private final ApicTimer timer;
    private final boolean bootstrap;

    private long base;
    private int xapicId;
    private int taskPriority;
    private int logicalDestination;
    private int destinationFormat;
    private int spurious;
    private int errorStatus;
    private int newErrors;
    private long icr;
    private final int[] lvt = new int[ApicReg.LVTS];
    private final VectorSet requests = new VectorSet();
    private final VectorSet inService = new VectorSet();
    private final VectorSet levelTriggered = new VectorSet();
    private final boolean[] pins = new boolean[2];
    /** An ExtINT message came through the APIC bus, from an I/O APIC. */
    private boolean externalRaised;

    /** @param id the initial APIC id; the bootstrap processor has 0 */
    public LocalApic(int id, ApicBus bus, ApicClient client, Clock clock, EventQueue events) {
        this.id = id;
        this.bus = bus;
        this.client = client;
        this.bootstrap = id == 0;
        this.timer = new ApicTimer(clock, events, this);
        bus.add(this);
        reset();
    }

    /** Power-on state. */
    public void reset() {
        base = DEFAULT_BASE | BASE_ENABLED | (bootstrap ? BASE_BSP : 0);
        xapicId = id;
        initialize();
    }

    /** The state after INIT: as after power-on, but IA32_APIC_BASE and the id stay. */
    public void initialize() {
        taskPriority = 0;
        logicalDestination = 0;
        destinationFormat = -1;
        spurious = 0xff;
        errorStatus = 0;
        newErrors = 0;
        icr = 0;
        java.util.Arrays.fill(lvt, ApicReg.LVT_MASKED);
        requests.clear();
        inService.clear();
        levelTriggered.clear();
        externalRaised = false;
        timer.reset();
        update();
    }

    public int id() {
        return id;
    }

    public boolean enabled() {
        return (base & BASE_ENABLED) != 0;
    }

    public boolean x2apic() {
        return (base & BASE_X2APIC) != 0;
    }

    private boolean softwareEnabled() {
        return enabled() && (spurious & ApicReg.SVR_ENABLED) != 0;
    }

    public long base() {
        return base;
    }

    /** Physical address of the register page, or -1 while it is not decoded. */
    public long window() {
        return enabled() && !x2apic() ? base & ~0xfffL : -1;
    }

    /** Sets IA32_APIC_BASE to a value whose bits and mode change {@link X2Apic} has checked. */
    void setBase(long value) {
        boolean wasEnabled = enabled();
        boolean wasX2apic = x2apic();
        base = value;
        if (wasEnabled && !enabled()) {
            initialize();
            xapicId = id;
        } else if (!wasX2apic && x2apic()) {
            logicalDestination = (id >>> 4) << 16 | 1 << (id & 15);
            icr &= 0xffffffffL;
        }
        update();
        client.baseChanged();
    }

    /** The firmware's set-up: enabled, LINT0 takes the 8259 (virtual wire) on the bootstrap processor, LINT1 is NMI. */
    public void setUpByFirmware() {
        writeRegister(ApicReg.SVR, ApicReg.SVR_ENABLED | 0xff);
        writeRegister(
                ApicReg.LVT_LINT0,
                ApicMessage.MODE_EXTINT << ApicReg.LVT_MODE_SHIFT | (bootstrap ? 0 : ApicReg.LVT_MASKED));
        writeRegister(ApicReg.LVT_LINT1, ApicMessage.MODE_NMI << ApicReg.LVT_MODE_SHIFT);
    }

    long timeStamp() {
        return client.timeStamp();
    }

    /** The guest changed its time-stamp counter. */
    public void timeStampChanged() {
        timer.timeStampChanged();
    }

    public long deadline() {
        return timer.deadline();
    }

    public void setDeadline(long value) {
        timer.setDeadline(value);
    }

    // ---- priorities and delivery to the processor

    int processorPriority() {
        int isr = Math.max(0, inService.highest());
        return (taskPriority & 0xf0) >= (isr & 0xf0) ? taskPriority : isr & 0xf0;
    }

    public int taskPriority() {
        return taskPriority;
    }

    public void setTaskPriority(int value) {
        taskPriority = value & 0xff;
        update();
    }

    private int deliverable() {
        int vector = requests.highest();
        return vector >= 0 && (vector & 0xf0) > (processorPriority() & 0xf0) ? vector : -1;
    }

    /** Whether the 8259's output reaches the processor: through LINT0 as ExtINT, or directly while the APIC is disabled. */
    public boolean externalPending() {
        boolean wired =
                !enabled() || ((lvt[LINT0] & ApicReg.LVT_MASKED) == 0 && mode(LINT0) == ApicMessage.MODE_EXTINT);
        return externalRaised || (pins[0] && wired);
    }

    public boolean interruptPending() {
        return externalPending() || (enabled() && deliverable() >= 0);
    }

    /** Moves the highest request into service; -1 if none waits (the caller then asks the 8259 if {@link #externalPending}). */
    public int acknowledge() {
        int vector = enabled() ? deliverable() : -1;
        if (vector >= 0) {
            requests.set(vector, false);
            inService.set(vector, true);
            update();
        }
        return vector;
    }

    /** The external controller has given its vector. */
    public void externalAcknowledged() {
        externalRaised = false;
        update();
    }

    private void update() {
        client.interruptLine(interruptPending());
    }

    // ---- messages

    boolean acceptsFixed() {
        return softwareEnabled();
    }

    boolean matches(ApicMessage message) {
        if (!enabled()) {
            return false;
        }
        if (message.broadcast()) {
            return true;
        }
        int destination = message.destination();
        if (!message.logical()) {
            return destination == (x2apic() ? id : xapicId);
        }
        if (x2apic()) {
            return (destination ^ logicalDestination) >>> 16 == 0 && (destination & logicalDestination & 0xffff) != 0;
        }
        int mine = logicalDestination >>> 24;
        if (destinationFormat >>> 28 == 0xf) {
            return (destination & mine) != 0 && destination >>> 8 == 0;
        }
        return destinationFormat >>> 28 == 0 && destination >>> 4 == mine >>> 4 && (destination & mine & 0xf) != 0;
    }

    /** Takes a message that {@link #matches}. */
    void deliver(ApicMessage message) {
        if (enabled()) {
            deliver(message.mode(), message.vector(), message.levelTriggered());
        }
    }

    /**
     * Takes an interrupt that a hypervisor sends past the interrupt command register.
     *
     * @param mode delivery mode as an ICR has it
     * @return whether the APIC accepts it
     */
    public boolean receive(int mode, int vector) {
        boolean accepted = enabled() && (mode > ApicMessage.MODE_LOWEST_PRIORITY || acceptsFixed());
        if (accepted) {
            deliver(mode, vector, false);
        }
        return accepted;
    }

    private void deliver(int mode, int vector, boolean level) {
        switch (mode) {
            case ApicMessage.MODE_FIXED:
            case ApicMessage.MODE_LOWEST_PRIORITY:
                request(vector, level);
                break;
            case ApicMessage.MODE_SMI:
                client.smi();
                break;
            case ApicMessage.MODE_NMI:
                client.nmi();
                break;
            case ApicMessage.MODE_INIT:
                client.init();
                break;
            case ApicMessage.MODE_START_UP:
                client.startUp(vector);
                break;
            case ApicMessage.MODE_EXTINT:
                externalRaised = true;
                update();
                break;
            default:
                break;
        }
    }

    private void request(int vector, boolean level) {
        if (!softwareEnabled()) {
            return;
        }
        if (vector < FIRST_LEGAL_VECTOR) {
            error(ApicReg.ESR_RECEIVE_ILLEGAL_VECTOR);
            return;
        }
        requests.set(vector, true);
        levelTriggered.set(vector, level);
        update();
    }

    private void error(int bit) {
        boolean fresh = (newErrors & bit) == 0;
        newErrors |= bit;
        int entry = lvt[ERROR];
        if (fresh && (entry & ApicReg.LVT_MASKED) == 0 && (entry & ApicReg.LVT_VECTOR) >= FIRST_LEGAL_VECTOR) {
            request(entry & ApicReg.LVT_VECTOR, false);
        }
    }

    void timerExpired() {
        int entry = lvt[TIMER];
        client.timerExpired(entry & ApicReg.LVT_VECTOR);
        if ((entry & ApicReg.LVT_MASKED) == 0) {
            request(entry & ApicReg.LVT_VECTOR, false);
        }
    }

    /** A performance counter overflowed. AMD's processors, which alone have counters here, leave the entry unmasked. */
    void performanceOverflow() {
        int entry = lvt[PERFORMANCE];
        if (enabled() && (entry & ApicReg.LVT_MASKED) == 0) {
            deliver(mode(PERFORMANCE), entry & ApicReg.LVT_VECTOR, false);
        }
    }

    private int mode(int index) {
        return lvt[index] >>> ApicReg.LVT_MODE_SHIFT & 7;
    }

    /** Level of pin LINT0 (the 8259's output on the PC) or LINT1 (NMI). */
    public void setPin(int pin, boolean raised) {
        boolean rose = raised && !pins[pin];
        pins[pin] = raised;
        int index = LINT0 + pin;
        if (!enabled()) {
            if (rose && pin == 1) {
                client.nmi();
            }
        } else if (rose && (lvt[index] & ApicReg.LVT_MASKED) == 0 && mode(index) != ApicMessage.MODE_EXTINT) {
            deliver(mode(index), lvt[index] & ApicReg.LVT_VECTOR, (lvt[index] & ApicReg.LVT_LEVEL) != 0);
        }
        update();
    }

    // ---- registers

    @Override
    public long read(long offset, int size) {
        int register = (int) offset & 0xff0;
        int within = (int) offset & 0xf;
        if (within + size > 4) {
            return size == 8 && within == 0 ? readRegister(register) : 0;
        }
        return readRegister(register) >>> (8 * within) & ((1L << (8 * size)) - 1);
    }

    /** Only aligned 32-bit writes are defined; others are ignored. */
    @Override
    public void write(long offset, int size, long value) {
        if ((offset & 0xf) == 0 && size >= 4) {
            writeRegister((int) offset & 0xff0, value & 0xffffffffL);
        }
    }

    long readRegister(int register) {
        if (register >= ApicReg.ISR && register < ApicReg.ESR) {
            VectorSet set = register < ApicReg.TMR ? inService : register < ApicReg.IRR ? levelTriggered : requests;
            return set.word(register >>> 4 & 7);
        }
        if (register >= ApicReg.LVT_TIMER && register <= ApicReg.LVT_ERROR) {
            return lvt[(register - ApicReg.LVT_TIMER) >>> 4];
        }
        switch (register) {
            case ApicReg.ID:
                return x2apic() ? id : (long) xapicId << 24;
            case ApicReg.VERSION:
                return VERSION | (ApicReg.LVTS - 1) << 16 | VERSION_EOI_SUPPRESSION;
            case ApicReg.TPR:
                return taskPriority;
            case ApicReg.APR:
            case ApicReg.RRD:
            case ApicReg.EOI:
                return 0;
            case ApicReg.PPR:
                return processorPriority();
            case ApicReg.LDR:
                return logicalDestination & 0xffffffffL;
            case ApicReg.DFR:
                return destinationFormat & 0xffffffffL;
            case ApicReg.SVR:
                return spurious;
            case ApicReg.ESR:
                return errorStatus;
            case ApicReg.ICR:
                return icr & 0xffffffffL;
            case ApicReg.ICR_HIGH:
                return icr >>> 32;
            case ApicReg.INITIAL_COUNT:
                return timer.initialCount();
            case ApicReg.CURRENT_COUNT:
                return timer.currentCount();
            case ApicReg.DIVIDE:
                return timer.divideConfiguration();
            default:
                error(ApicReg.ESR_ILLEGAL_REGISTER);
                return 0;
        }
    }

    void writeRegister(int register, long value) {
        if (register >= ApicReg.LVT_TIMER && register <= ApicReg.LVT_ERROR) {
            writeLvt((register - ApicReg.LVT_TIMER) >>> 4, (int) value);
            return;
        }
        switch (register) {
            case ApicReg.ID:
                xapicId = (int) (value >>> 24) & 0xff;
                break;
            case ApicReg.TPR:
                setTaskPriority((int) value);
                break;
            case ApicReg.EOI:
                endOfInterrupt();
                break;
            case ApicReg.LDR:
                logicalDestination = (int) value & 0xff000000;
                break;
            case ApicReg.DFR:
                destinationFormat = (int) value | 0x0fffffff;
                break;
            case ApicReg.SVR:
                writeSpurious((int) value);
                break;
            case ApicReg.ESR:
                errorStatus = newErrors;
                newErrors = 0;
                break;
            case ApicReg.ICR:
                writeIcr((icr & 0xffffffff00000000L) | value);
                break;
            case ApicReg.ICR_HIGH:
                icr = (icr & 0xffffffffL) | (value & 0xff000000L) << 32;
                break;
            case ApicReg.INITIAL_COUNT:
                timer.setInitialCount(value);
                break;
            case ApicReg.DIVIDE:
                timer.setDivideConfiguration((int) value);
                break;
            default:
                error(ApicReg.ESR_ILLEGAL_REGISTER);
                break;
        }
    }

    private void writeSpurious(int value) {
        boolean wasEnabled = softwareEnabled();
        spurious = value & (0x3ff | ApicReg.SVR_SUPPRESS_EOI_BROADCAST);
        if (wasEnabled && !softwareEnabled()) {
            for (int i = 0; i < ApicReg.LVTS; i++) {
                writeLvt(i, lvt[i]);
            }
        }
        update();
    }

    /** While the APIC is software-disabled the mask bits are set and stay so. */
    private void writeLvt(int index, int value) {
        int entry = value & ApicReg.lvtWritable(index);
        if (!softwareEnabled()) {
            entry |= ApicReg.LVT_MASKED;
        }
        lvt[index] = entry;
        if (index == TIMER) {
            timer.setLvt(entry);
        }
        update();
    }

    void endOfInterrupt() {
        int vector = inService.highest();
        if (vector < 0) {
            return;
        }
        client.interruptEnded(vector);
        inService.set(vector, false);
        if (levelTriggered.contains(vector) && (spurious & ApicReg.SVR_SUPPRESS_EOI_BROADCAST) == 0) {
            bus.endOfInterrupt(vector);
        }
        update();
    }

    /** Sends what the interrupt command register says. */
    void writeIcr(long value) {
        icr = (value & 0xffffffff00000000L) | (value & ApicReg.ICR_WRITABLE);
        int mode = (int) (icr >>> 8) & 7;
        int vector = (int) icr & 0xff;
        boolean level = (icr & ApicReg.ICR_LEVEL) != 0;
        if (mode == ApicMessage.MODE_INIT && level && (icr & ApicReg.ICR_ASSERT) == 0) {
            // INIT level de-assert only synchronises arbitration ids, which no such processor has.
            return;
        }
        if (mode <= ApicMessage.MODE_LOWEST_PRIORITY && vector < FIRST_LEGAL_VECTOR) {
            error(ApicReg.ESR_SEND_ILLEGAL_VECTOR);
            return;
        }
        client.ipiSent(icr);
        boolean wide = x2apic();
        int destination = wide ? (int) (icr >>> 32) : (int) (icr >>> 56);
        // IPIs are edge-triggered, whatever the trigger bit says.
        ApicMessage message = new ApicMessage(destination, wide, (icr & ApicReg.ICR_LOGICAL) != 0, mode, vector, false);
        switch ((int) (icr >>> 18) & 3) {
            case 0:
                bus.send(message);
                break;
            case 1:
                deliver(message);
                break;
            case 2:
                bus.sendAll(message, null);
                break;
            default:
                bus.sendAll(message, this);
                break;
        }
    }

    void selfIpi(int vector) {
        if (vector < FIRST_LEGAL_VECTOR) {
            error(ApicReg.ESR_SEND_ILLEGAL_VECTOR);
        } else {
            request(vector, false);
        }
    }

    long icr() {
        return icr;
    }

    @Override
    public void save(StateWriter out) {
        out.section("apic")
                .writeLong(base)
                .writeInt(xapicId)
                .writeInt(taskPriority)
                .writeInt(logicalDestination);
        out.writeInt(destinationFormat)
                .writeInt(spurious)
                .writeInt(errorStatus)
                .writeInt(newErrors)
                .writeLong(icr);
        out.writeInts(lvt).writeBoolean(pins[0]).writeBoolean(pins[1]).writeBoolean(externalRaised);
        requests.save(out);
        inService.save(out);
        levelTriggered.save(out);
        timer.save(out);
    }

    @Override
    public void restore(StateReader in) {
        in.section("apic");
        base = in.readLong();
        xapicId = in.readInt();
        taskPriority = in.readInt();
        logicalDestination = in.readInt();
        destinationFormat = in.readInt();
        spurious = in.readInt();
        errorStatus = in.readInt();
        newErrors = in.readInt();
        icr = in.readLong();
        in.readInts(lvt);
        pins[0] = in.readBoolean();
        pins[1] = in.readBoolean();
        externalRaised = in.readBoolean();
        requests.restore(in);
        inService.restore(in);
        levelTriggered.restore(in);
        timer.restore(in);
    }
}
