package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Makes a finding's steps few: leaves out ever smaller runs of them as long as the finding stays. */
final class Minimizer {
    /**
     * A finding.
     *
     * @param steps that show it
     * @param what in words
     */
    record Found<T>(List<T> steps, String what) {}

    private Minimizer() {}

    /** @param still what fewer steps show if it is the same finding, or null */
    static <T> Found<T> minimize(Found<T> found, Function<List<T>, String> still) {
        Found<T> small = found;
        int size = Math.max(1, found.steps().size() / 2);
        while (size > 0) {
            boolean removed = false;
            for (int at = 0; at < small.steps().size(); ) {
                List<T> fewer = new ArrayList<>(small.steps());
                fewer.subList(at, Math.min(at + size, fewer.size())).clear();
                String what = still.apply(List.copyOf(fewer));
                if (what != null) {
                    small = new Found<>(List.copyOf(fewer), what);
                    removed = true;
                } else {
                    at += size;
                }
            }
            if (!removed || size == 1 && small.steps().size() < 2) {
                size /= 2;
            }
        }
        return small;
    }
}
