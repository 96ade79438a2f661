package nestbox.l0;

import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.core.OutOfFramesException;

/**
 * A nested entry as a transaction: steps in order, each with its undo. It stays open until the silicon has entered L2, so that
 * what the silicon refuses is undone as well (KVM's {@code nested_run_pending}).
 */
public final class EntryTransaction implements Stateful {
    private final List<EntryStep> steps;
    private final EntryInjections injections;
    /** Steps whose work stands. */
    private int taken;
    /** Entries begun so far, which injections count. */
    private long begun;

    private boolean open;

    public EntryTransaction(List<EntryStep> steps, EntryInjections injections) {
        this.steps = List.copyOf(steps);
        this.injections = injections;
    }

    /** Every step is taken, and the silicon has not entered yet. */
    public boolean open() {
        return open;
    }

    /** Steps can be undone. */
    public boolean canRollBack() {
        return taken > 0;
    }

    /** Takes the steps; null if all are taken, else why one was not, with everything undone. */
    public EntryRefusal run() {
        begun++;
        taken = 0;
        for (EntryStep step : steps) {
            taken++;
            EntryRefusal refusal = take(step);
            if (refusal != null) {
                rollBack(refusal.failure());
                return refusal;
            }
        }
        open = true;
        return null;
    }

    private EntryRefusal take(EntryStep step) {
        EntryRefusal refusal;
        try {
            refusal = step.work().get();
        } catch (OutOfFramesException e) {
            return new EntryRefusal(step.row().id(), EntryFailure.OUT_OF_MEMORY, 0, e.getMessage());
        }
        EntryFailure forced = refusal == null ? injections.at(step.row(), begun) : null;
        return forced == null ? refusal : step.force().apply(forced);
    }

    /** Undoes every step that was taken, the last one first. */
    public void rollBack(EntryFailure failure) {
        open = false;
        while (taken > 0) {
            steps.get(--taken).undo().accept(failure);
        }
    }

    /** The silicon has entered L2. */
    public void commit() {
        open = false;
        taken = 0;
    }

    /** L2's control structure was made anew: what it was given so that the silicon refuses it is given again. */
    public void resume() {
        if (open) {
            for (EntryStep step : steps) {
                EntryFailure forced = injections.at(step.row(), begun);
                if (forced != null) {
                    step.force().apply(forced);
                }
            }
        }
    }

    /** An entry that is pending was put in place from outside: it can be rolled back no more. */
    public void reopen() {
        taken = 0;
        open = true;
    }

    @Override
    public void save(StateWriter out) {
        out.writeLong(begun).writeInt(taken).writeBoolean(open);
    }

    @Override
    public void restore(StateReader in) {
        begun = in.readLong();
        taken = in.readIndex(steps.size() + 1);
        open = in.readBoolean();
    }
}
