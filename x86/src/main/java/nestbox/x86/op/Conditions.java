package nestbox.x86.op;

import java.util.HashMap;
import java.util.Map;
import nestbox.x86.insn.Insn;

/** Condition codes by the suffixes that Jcc, SETcc and CMOVcc share (SDM Vol. 1, "EFLAGS Condition Codes"). */
final class Conditions {
    private static final String[] NAMES = {
        "O",
        "NO",
        "B NAE C",
        "NB AE NC",
        "Z E",
        "NZ NE",
        "BE NA",
        "NBE A",
        "S",
        "NS",
        "P PE",
        "NP PO",
        "L NGE",
        "NL GE",
        "LE NG",
        "NLE G"
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

    /**
     * Number of the condition that the mnemonic has behind its first {@code length} letters, or -1 if it has none there;
     * {@code cc} stands for the low bits of the opcode.
     */
    static int number(Insn in, int length) {
        String suffix = in.form.mnemonic().substring(length);
        return suffix.equals("cc") ? in.opcode & 0xf : NUMBERS.getOrDefault(suffix, -1);
    }
}
