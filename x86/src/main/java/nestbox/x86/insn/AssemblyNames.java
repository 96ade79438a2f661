package nestbox.x86.insn;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Further names of instructions in assembly source. */
final class AssemblyNames {
    private static final Set<String> WAITING = Set.of("fstcw", "fstsw", "fstenv", "fsave", "finit", "fclex");
    private static final Map<String, String> NAMES = names();

    private AssemblyNames() {}

    /** The table's name (in lower case) of an instruction. */
    static String canonical(String mnemonic) {
        return NAMES.getOrDefault(mnemonic, mnemonic);
    }

    /** Whether the name stands for WAIT and the instruction. */
    static boolean waits(String mnemonic) {
        return WAITING.contains(mnemonic);
    }

    /** Whether the operands may be written in either order; the rows have memory first. */
    static boolean commutes(String name) {
        return name.equals("test") || name.equals("xchg");
    }

    private static Map<String, String> names() {
        Map<String, String> names = new HashMap<>();
        String[] conditions = {
            "c b", "nae b", "nb ae", "nc ae", "z e", "nz ne", "na be", "nbe a", "pe p", "po np", "nge l", "nl ge",
            "ng le", "nle g"
        };
        for (String pair : conditions) {
            String[] words = pair.split(" ");
            for (String stem : new String[] {"j", "set", "cmov"}) {
                names.put(stem + words[0], stem + words[1]);
            }
        }
        for (String name : WAITING) {
            names.put(name, "fn" + name.substring(1));
        }
        names.put("sal", "shl");
        names.put("loopz", "loope");
        names.put("loopnz", "loopne");
        names.put("movabs", "mov");
        names.put("retn", "ret");
        names.put("wait", "fwait");
        names.put("icebp", "int1");
        names.put("xlat", "xlatb");
        names.put("sysretl", "sysret");
        return names;
    }
}
