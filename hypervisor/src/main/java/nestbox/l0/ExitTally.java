package nestbox.l0;

import java.util.Map;

/** How often a vCPU was left, by the vendor's names of the reasons. */
final class ExitTally {
    /** Exit codes are told apart by their low bits: SVM's NPF is 400h. */
    private static final int EXIT_CODES = 2048;

    private final long[] counts = new long[EXIT_CODES];
    private final String[] names = new String[EXIT_CODES];

    void count(Exit exit, boolean ofL2, L0Counters counters) {
        counters.exits++;
        if (ofL2) {
            counters.exitsOfL2++;
        }
        int i = (int) exit.code & EXIT_CODES - 1;
        names[i] = exit.name;
        counts[i]++;
    }

    void addTo(Map<String, Long> sums) {
        for (int i = 0; i < EXIT_CODES; i++) {
            if (counts[i] != 0) {
                sums.merge(names[i], counts[i], Long::sum);
            }
        }
    }
}
