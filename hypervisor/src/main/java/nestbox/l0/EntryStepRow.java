package nestbox.l0;

import java.util.Set;

/** A row of a vendor's table of the steps of a nested entry. */
public interface EntryStepRow {
    /** As {@code --inject} names it. */
    String id();

    String meaning();

    /** What it can be made to fail by. */
    Set<EntryFailure> failures();
}
