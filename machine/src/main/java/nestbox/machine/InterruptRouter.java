package nestbox.machine;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEvents;
import nestbox.machine.bus.InterruptSink;

/**
 * Wires the devices' interrupt lines to the 8259 pair and the I/O APIC, as on a PC with IRQ 0 on input 2 of the I/O APIC. A
 * line is raised while any of its sources raises it.
 */
final class InterruptRouter implements Stateful {
    static final int LINES = 24;
    private static final int PIC_LINES = 16;
    private static final int PIC_CASCADE = 2;
    private static final int TIMER_PIN = 2;

    private final InterruptSink pic;
    private final InterruptSink ioApic;
    private final Trace trace;
    private final int[] raisedBy = new int[LINES];
    private int sources;

    InterruptRouter(InterruptSink pic, InterruptSink ioApic, Trace trace) {
        this.pic = pic;
        this.ioApic = ioApic;
        this.trace = trace;
    }

    /** A new source with lines of its own. */
    InterruptSink source() {
        int bit = 1 << sources++;
        return (line, raised) -> set(line, bit, raised);
    }

    private void set(int line, int bit, boolean raised) {
        int before = raisedBy[line];
        int after = raised ? before | bit : before & ~bit;
        raisedBy[line] = after;
        if ((before != 0) == (after != 0)) {
            return;
        }
        if (trace.on) {
            trace.emit(TraceEvents.IRQ_LINE, line, raised ? 1 : 0);
        }
        if (line < PIC_LINES && line != PIC_CASCADE) {
            pic.setLine(line, raised);
        }
        ioApic.setLine(line == 0 ? TIMER_PIN : line, raised);
    }

    @Override
    public void save(StateWriter out) {
        out.section("interrupt-lines").writeInts(raisedBy);
    }

    @Override
    public void restore(StateReader in) {
        in.section("interrupt-lines");
        in.readInts(raisedBy);
    }
}
