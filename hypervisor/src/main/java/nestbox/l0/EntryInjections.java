package nestbox.l0;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;

/** Steps of nested entries that are made to fail. Immutable. */
public final class EntryInjections {
    private static final EntryInjections NONE = new EntryInjections(List.of());

    /** @param entry number of the nested entry from 1, or 0 for each */
    private record Injection(String step, EntryFailure failure, long entry) {}

    private final List<Injection> injections;

    private EntryInjections(List<Injection> injections) {
        this.injections = List.copyOf(injections);
    }

    public static EntryInjections none() {
        return NONE;
    }

    /**
     * These and one more.
     *
     * @param text {@code STEP=FAILURE} for each entry, or {@code STEP=FAILURE@N} for the N-th of a processor
     * @throws NestboxException naming what is wrong with it, and what there is
     */
    public EntryInjections with(String text, List<? extends EntryStepRow> table) {
        String where = "inject " + text;
        int equals = text.indexOf('=');
        if (equals < 0) {
            throw new NestboxException(where, "is not STEP=FAILURE or STEP=FAILURE@N");
        }
        EntryStepRow row = row(where, text.substring(0, equals), table);
        int at = text.indexOf('@', equals);
        EntryFailure failure = EntryFailure.parse(where, text.substring(equals + 1, at < 0 ? text.length() : at));
        if (!row.failures().contains(failure)) {
            String possible = row.failures().stream().map(EntryFailure::text).collect(Collectors.joining(", "));
            throw new NestboxException(where, "step " + row.id() + " fails by one of " + possible);
        }
        List<Injection> more = new ArrayList<>(injections);
        more.add(new Injection(row.id(), failure, at < 0 ? 0 : number(where, text.substring(at + 1))));
        return new EntryInjections(more);
    }

    private static EntryStepRow row(String where, String id, List<? extends EntryStepRow> table) {
        for (EntryStepRow row : table) {
            if (row.id().equals(id)) {
                return row;
            }
        }
        String all = table.stream().map(EntryStepRow::id).collect(Collectors.joining(", "));
        throw new NestboxException(where, "step '" + id + "' is none of " + all);
    }

    private static long number(String where, String text) {
        try {
            long number = Long.parseLong(text);
            if (number > 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Reported below.
        }
        throw new NestboxException(where, "'" + text + "' is no number from 1");
    }

    /** How a step of the entry with this number is to fail, or null. */
    EntryFailure at(EntryStepRow row, long entry) {
        for (Injection injection : injections) {
            if (injection.step.equals(row.id()) && (injection.entry == 0 || injection.entry == entry)) {
                return injection.failure;
            }
        }
        return null;
    }
}
