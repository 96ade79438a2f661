package nestbox.machine.apic;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.Clock;
import nestbox.core.EventQueue;

/** Some local APICs and an I/O APIC on a bus, without processors: what would reach them is written down. */
final class ApicRig {
    final Clock clock = new Clock();
    final EventQueue events = new EventQueue();
    final ApicBus bus = new ApicBus();
    final LocalApic[] apics;
    final IoApic ioApic = new IoApic(bus);
    final List<String> log = new ArrayList<>();
    /** Vectors of the interrupts that software has ended. */
    final List<Integer> ended = new ArrayList<>();

    final boolean[] line;
    long timeStampOffset;

    ApicRig(int count) {
        apics = new LocalApic[count];
        line = new boolean[count];
        for (int i = 0; i < count; i++) {
            apics[i] = new LocalApic(i, bus, new Client(i), clock, events);
            apics[i].write(ApicReg.SVR, 4, 0x1ff);
        }
    }

    private final class Client implements ApicClient {
        private final int id;

        Client(int id) {
            this.id = id;
        }

        @Override
        public void interruptLine(boolean raised) {
            line[id] = raised;
        }

        @Override
        public void nmi() {
            log.add("nmi " + id);
        }

        @Override
        public void smi() {
            log.add("smi " + id);
        }

        @Override
        public void init() {
            log.add("init " + id);
        }

        @Override
        public void startUp(int vector) {
            log.add("sipi " + id + " " + Integer.toHexString(vector));
        }

        @Override
        public long timeStamp() {
            return clock.now() + timeStampOffset;
        }

        @Override
        public void interruptEnded(int vector) {
            ended.add(vector);
        }

        @Override
        public void baseChanged() {
            log.add("base " + id);
        }
    }

    void advance(long ticks) {
        long to = clock.exact() + ticks;
        while (events.nextDue() <= to) {
            clock.endSlice(Math.max(clock.exact(), events.nextDue()));
            events.runDue(clock.exact());
        }
        clock.endSlice(to);
    }

    void write(int apic, int register, long value) {
        apics[apic].write(register, 4, value);
    }

    long read(int apic, int register) {
        return apics[apic].read(register, 4);
    }

    void icr(int apic, int destination, long low) {
        write(apic, ApicReg.ICR_HIGH, (long) destination << 24);
        write(apic, ApicReg.ICR, low);
    }

    /** The ids of the APICs whose line is raised, as text. */
    String raised() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < line.length; i++) {
            text.append(line[i] ? Integer.toString(i) : "");
        }
        return text.toString();
    }
}
