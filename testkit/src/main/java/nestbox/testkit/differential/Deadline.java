package nestbox.testkit.differential;

import nestbox.core.EventQueue;
import nestbox.machine.EndOfRunException;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;

/** Ends a run in which all processors wait: a limit of instructions never comes to them. */
final class Deadline implements EventQueue.Target {
    private final long ticks;

    private Deadline(long ticks) {
        this.ticks = ticks;
    }

    /** @param ticks of virtual time from the start of {@code machine}, which has not run yet */
    static void set(Machine machine, long ticks) {
        machine.events().schedule(machine.events().register(new Deadline(ticks)), 0, ticks, 0);
    }

    @Override
    public void onEvent(int event, long argument, long due) {
        throw new EndOfRunException(new Outcome(Outcome.Kind.LIMIT, 0, "limit of " + ticks + " ticks reached"));
    }
}
