package nestbox.x86.op;

import java.util.HashMap;
import java.util.Map;

/** Condition codes by the suffixes that Jcc, SETcc and CMOVcc share (SDM Vol. 1, "EFLAGS Condition Codes"). */
final class Conditions {
    private static final String[] NAMES = {
        "O", "NO", "B NAE C", "NB AE NC", "Z E", "NZ NE", "BE NA", "NBE A", "S", "NS", "P PE", "NP PO", "L NGE", "NL GE",
        "LE NG", "NLE G"
    };
    private static final Map<String, Integer> NUMBERS = new HashMap<>();

    static {
        for (int cc = 0; cc < NAMES.length; cc++) {
            for (String name : NAMES[cc].split(" ")) {
                NUMBERS.put(name, cc);
            }
        }
    }

    private Conditions() {}

    /** The condition's number, or -1 if the suffix is none. */
    static int number(String suffix) {
        return NUMBERS.getOrDefault(suffix, -1);
    }
}
