package nestbox.machine;

import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.InterruptSink;

/** Makes a device of the user's own, one for each machine, which knows no more of the machine than it is given here. */
@FunctionalInterface
public interface DeviceFactory {
    /**
     * Makes the device and registers what it decodes.
     *
     * @param bus where ports and memory-mapped registers are registered
     * @param lines the board's interrupt lines, on which it is a source of its own
     * @param clock virtual time
     * @param events where it can have itself called at an exact time
     * @return the device, whose state is saved with the machine's
     */
    Stateful create(Bus bus, InterruptSink lines, Clock clock, EventQueue events);
}
