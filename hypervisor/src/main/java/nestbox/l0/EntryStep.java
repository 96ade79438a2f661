package nestbox.l0;

import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * One step of a nested entry.
 *
 * @param row what it is
 * @param work does it; null, or why it cannot be done
 * @param undo makes undone what the step did, all or a part of it, as far as the failure wants that
 * @param force makes it fail although its work is done; null if the failure shows only later, when the silicon enters
 */
public record EntryStep(EntryStepRow row, Supplier<EntryRefusal> work, Consumer<EntryFailure> undo, Force force) {

    /** Makes a step fail. */
    public interface Force {
        /** Why the step fails at once, or null if the silicon is to find out. */
        EntryRefusal apply(EntryFailure failure);
    }

    /** A step that fails by force as it would by itself. */
    public static EntryStep of(EntryStepRow row, Supplier<EntryRefusal> work, Consumer<EntryFailure> undo) {
        return new EntryStep(row, work, undo, failure -> forced(row, failure));
    }

    /** A step that cannot fail by itself. */
    public static EntryStep of(EntryStepRow row, Runnable work, Runnable undo) {
        return of(
                row,
                () -> {
                    work.run();
                    return null;
                },
                failure -> undo.run());
    }

    /** A step that cannot fail by itself and leaves nothing to undo. */
    public static EntryStep of(EntryStepRow row, Runnable work) {
        return of(row, work, () -> {});
    }

    /** The refusal of a step that was made to fail. */
    public static EntryRefusal forced(EntryStepRow row, EntryFailure failure) {
        return new EntryRefusal(row.id(), failure, 0, "forced");
    }
}
