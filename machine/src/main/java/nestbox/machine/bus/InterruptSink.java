package nestbox.machine.bus;

/** Interrupt lines into which devices raise their levels; an edge is a line that rises and falls. */
@FunctionalInterface
public interface InterruptSink {
    void setLine(int line, boolean raised);
}
