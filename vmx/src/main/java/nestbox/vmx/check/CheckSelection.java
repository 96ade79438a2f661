package nestbox.vmx.check;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import nestbox.vmx.vmcs.Vmcs;

/** Some of the rows of {@link EntryChecks}, to be run by groups: all for silicon, fewer for who leaves checks to silicon. Immutable. */
public final class CheckSelection {
    private final CheckRow[][] rows = new CheckRow[CheckGroup.values().length][];
    /** Groups whose rows read nothing that {@link CheckMemo} does not know. */
    private final long memoisable;

    CheckSelection(List<CheckRow> all, Predicate<CheckRow> chosen) {
        long keyed = 0;
        for (CheckGroup group : CheckGroup.values()) {
            rows[group.ordinal()] = all.stream()
                    .filter(row -> row.group() == group && chosen.test(row))
                    .toArray(CheckRow[]::new);
            keyed |= keyed(rows[group.ordinal()]) ? group.mask() : 0;
        }
        memoisable = keyed;
    }

    private static boolean keyed(CheckRow[] rows) {
        Set<CpuState> states = EnumSet.noneOf(CpuState.class);
        for (CheckRow row : rows) {
            states.addAll(row.states());
        }
        return CheckMemo.KEYED.containsAll(states);
    }

    /** The rows that were chosen, in the manual's order. */
    public List<CheckRow> rows() {
        return Arrays.stream(rows).flatMap(Arrays::stream).toList();
    }

    /**
     * The first check of some groups that fails, or null. Groups that passed before are skipped if nothing that they read has
     * changed since: no field, and no other state unless they did not come to read it. The result is the same.
     *
     * @param vmcs the VMCS behind {@code context}; remembers what is stale
     * @param memo what was seen of the processor's other state; one a VMCS, processor and selection
     */
    public CheckFailure first(CheckContext context, List<CheckGroup> groups, Vmcs vmcs, CheckMemo memo) {
        if (memo.changed(context)) {
            memo.take(context);
            memo.forgetAll();
        }
        long stale = vmcs.stale() | ~memo.passed();
        vmcs.markFresh(-1);
        memo.keep(~stale);
        for (CheckGroup group : groups) {
            if ((stale & group.mask()) != 0) {
                context.lookedOutside();
                CheckFailure failure = group(context, group);
                if (failure != null) {
                    return failure;
                }
                if ((memoisable & group.mask()) != 0 || !context.lookedOutside()) {
                    memo.pass(group);
                }
            }
        }
        return null;
    }

    /** The first row of a group that fails, or null. */
    public CheckFailure group(CheckContext context, CheckGroup group) {
        for (CheckRow row : rows[group.ordinal()]) {
            Failure failure = row.check(context);
            if (failure != null) {
                return row.explain(context, failure);
            }
        }
        return null;
    }
}
