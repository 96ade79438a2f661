package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;

/** The explicit list of what objdump calls otherwise than Intel's manual. */
final class Objdump {
    private static final Set<String> PREFIXES = Set.of(
            "lock",
            "rep",
            "repz",
            "repnz",
            "repe",
            "repne",
            "a16",
            "a32",
            "bnd",
            "notrack",
            "data16",
            "addr32",
            "addr16",
            "data32",
            "cs",
            "ds",
            "es",
            "ss",
            "fs",
            "gs",
            "rex",
            "rex.W",
            "xacquire",
            "xrelease");
    private static final Map<String, String> NAMES = Map.ofEntries(
            Map.entry("movabs", "mov"),
            Map.entry("fstcw", "fnstcw"),
            Map.entry("fstsw", "fnstsw"),
            Map.entry("fstenv", "fnstenv"),
            Map.entry("fsave", "fnsave"),
            Map.entry("finit", "fninit"),
            Map.entry("fclex", "fnclex"),
            Map.entry("bndldx", "nop"),
            Map.entry("bndstx", "nop"),
            Map.entry("bndmov", "nop"),
            Map.entry("bndmk", "nop"),
            Map.entry("bndcl", "nop"),
            Map.entry("bndcu", "nop"),
            Map.entry("bndcn", "nop"),
            Map.entry("xlat", "xlatb"));
    /** Known to objdump, undefined on every processor that is modelled. */
    private static final Set<String> UNDEFINED = Set.of("frstpm(287");

    private static final String[] COMPARISONS = {"eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"};

    private Objdump() {}

    /** Skips the test if objdump is missing, unless the system property {@code nestbox.required} is true. */
    static void assumeInstalled() {
        boolean found = false;
        for (String directory : System.getenv("PATH").split(File.pathSeparator)) {
            found |= Files.isExecutable(Path.of(directory, "objdump"));
        }
        assertThat(found || !Boolean.getBoolean("nestbox.required"))
                .as("objdump is installed")
                .isTrue();
        Assumptions.assumeTrue(found, "objdump is not installed");
    }

    /** The mnemonic behind prefixes. */
    static String mnemonic(String text) {
        String last = "";
        for (String word : text.split("[ ,]+")) {
            last = word;
            if (!isPrefix(word)) {
                break;
            }
        }
        return last;
    }

    /** Data, bytes that objdump does not know, and prefixes that it shows alone because others follow. */
    static boolean isNoInstruction(String text) {
        String word = mnemonic(text);
        return text.contains("(bad)") || word.equals(".byte") || isPrefix(word);
    }

    /** Test registers of the 486, VIA's instructions, RAO-INT, and EXTRQ with a register field that the manual wants 0. */
    static boolean isNotModelled(String text) {
        return text.matches(".*(,|mov +)tr[0-7].*|.*\\b(aadd|xcrypt|xsha|xstore|montmul|extrq).*");
    }

    private static boolean isPrefix(String word) {
        return PREFIXES.contains(word) || word.startsWith("rex");
    }

    /** objdump takes WAIT for a prefix of x87 instructions: {@code fstcw} is WAIT and FNSTCW. */
    static boolean waitPrefix(byte[] code, String text) {
        return code.length > 1 && code[0] == (byte) 0x9b && !text.startsWith("fwait");
    }

    static boolean same(String text, String ours, Insn in) {
        String theirs = mnemonic(text);
        if (ours.equals(theirs) || ours.equals(NAMES.get(theirs))) {
            return true;
        }
        if (in.form == null) {
            return in.vexLength != 0 || text.contains("lock ") || UNDEFINED.contains(theirs) || undefinedMove(text);
        }
        if (in.form.mnemonic().equals("3DNOW") || theirs.startsWith(ours + "(")) {
            return true;
        }
        if (theirs.equals(ours + "w") || theirs.equals(ours + "d")) {
            return in.form.is(Attribute.SUFFIX64) || in.operandSize == (theirs.endsWith("w") ? 16 : 32);
        }
        if (in.form.string()) {
            return ours.equals(theirs + stringSuffix(text));
        }
        return ours.equals(pseudo(theirs, in)) || text.startsWith("xchg   ax,ax") && ours.equals("nop");
    }

    /** objdump shows moves to CS and of segment registers 6 and 7, which are undefined. */
    private static boolean undefinedMove(String text) {
        return text.contains("mov ") && (text.contains("cs,") || text.contains("?"));
    }

    private static String stringSuffix(String text) {
        return text.contains("BYTE PTR")
                ? "b"
                : text.contains("QWORD PTR") ? "q" : text.contains("DWORD PTR") ? "d" : "w";
    }

    /** Names that contain the immediate: CMPNLESD, PCLMULHQLQDQ. */
    private static String pseudo(String theirs, Insn in) {
        if (theirs.startsWith("cmp") && in.opcode == 0xc2 && in.imm < 8) {
            String name = theirs.substring(3, theirs.length() - 2);
            return name.equals(COMPARISONS[(int) in.imm]) ? "cmp" + theirs.substring(theirs.length() - 2) : "";
        }
        if (theirs.startsWith("vcmp") && in.opcode == 0xc2 && in.vexLength != 0 && (in.imm & 0xff) < 32) {
            boolean named =
                    in.imm >= 8 || theirs.substring(4, theirs.length() - 2).equals(COMPARISONS[(int) in.imm]);
            return named ? "vcmp" + theirs.substring(theirs.length() - 2) : "";
        }
        if (theirs.startsWith("pclmul") || theirs.startsWith("vpclmul")) {
            return theirs.charAt(0) == 'v' ? "vpclmulqdq" : "pclmulqdq";
        }
        return "";
    }
}
