package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import nestbox.core.Seed;
import nestbox.x86.check.CheckSequence;

/**
 * The order in which groups are checked, where the manual allows any: the phases stay as they are, the groups within
 * controls and host state, and within guest state, are free.
 */
public final class CheckOrder {
    /** The order in which the manual presents the groups. */
    public static final CheckOrder MANUAL = new CheckOrder(List.of(CheckGroup.values()));

    private final List<CheckGroup> groups;

    private CheckOrder(List<CheckGroup> groups) {
        this.groups = List.copyOf(groups);
    }

    /** Within each phase the manual's order backwards, so that host state comes before controls. */
    public static CheckOrder reversed() {
        List<CheckGroup> groups = new ArrayList<>(List.of(CheckGroup.values()));
        groups.sort(Comparator.comparing(CheckGroup::phase).thenComparing(Comparator.reverseOrder()));
        return new CheckOrder(groups);
    }

    /** A shuffled order; the same seed gives the same order. */
    public static CheckOrder shuffled(long seed) {
        List<CheckGroup> groups = new ArrayList<>(List.of(CheckGroup.values()));
        Seed choice = new Seed(seed);
        for (int i = groups.size() - 1; i > 0; i--) {
            Collections.swap(groups, i, choice.nextInt(i + 1));
        }
        groups.sort(Comparator.comparing(CheckGroup::phase));
        return new CheckOrder(groups);
    }

    /** The order of that kind. */
    public static CheckOrder of(CheckSequence sequence) {
        return switch (sequence.kind()) {
            case MANUAL -> MANUAL;
            case REVERSED -> reversed();
            case SHUFFLED -> shuffled(sequence.seed());
        };
    }

    public List<CheckGroup> groups() {
        return groups;
    }
}
