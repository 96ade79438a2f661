package nestbox.x86.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import nestbox.core.NestboxException;

/**
 * What one processor answers to CPUID and, where the dump has them, its model-specific registers: the first processor of a
 * dump in the format of InstLatX64 and AIDA64 ({@code CPUID 00000001: 000306D4-00100800-7FFAFBFF-BFEBFBFF [SL 00]},
 * {@code MSR 0000001B: 0000-0000-FEE0-0900}) or of {@code cpuid -r}
 * ({@code 0x00000001 0x00: eax=0x000306d4 ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff}).
 */
final class CpuidDump {
    private static final String[] REGISTERS = {"eax", "ebx", "ecx", "edx"};

    private static final Pattern AIDA_LEAF = Pattern.compile("CPUID ([^:]*):\\s*([^\\s\\[]*)\\s*(.*)");
    private static final Pattern AIDA_SUBLEAF = Pattern.compile("\\[SL ([^\\]]*)\\]");
    private static final Pattern AIDA_MSR = Pattern.compile("MSR ([^:]*):\\s*([^\\s\\[]*).*");
    private static final Pattern AIDA_PROCESSOR = Pattern.compile("-+\\[ (?:Logical )?CPU #?0*(\\d+) \\]-+");
    private static final Pattern RAW_LEAF = Pattern.compile("0x(\\S+)\\s+0x([^:\\s]+):\\s*(.*)");
    private static final Pattern RAW_PROCESSOR = Pattern.compile("CPU (\\d+):");

    private final String file;
    private final Map<Long, int[]> leaves = new TreeMap<>();
    private final Map<Integer, Long> msrs = new LinkedHashMap<>();
    private final List<String> notUnderstood = new ArrayList<>();
    private int number;
    private boolean otherProcessor;

    /** @throws NestboxException for a line that cannot be read, with file, line and field */
    CpuidDump(String file, List<String> lines) {
        this.file = file;
        for (String line : lines) {
            number++;
            line(line.strip());
        }
        if (!leaves.containsKey(CpuidTable.key(0, 0)) || !leaves.containsKey(CpuidTable.key(1, 0))) {
            throw new NestboxException(file, "the leaves 00000000 and 00000001 are missing");
        }
    }

    /** Whether a line is one of such a dump. */
    static boolean recognizes(String line) {
        return line.matches("\\s*0x[0-9a-fA-F]{8}\\s+0x\\S+:.*eax=.*") || line.matches("CPUID [0-9a-fA-F]{8}:.*");
    }

    /** Answers by {@link CpuidTable#key}. */
    Map<Long, int[]> leaves() {
        return leaves;
    }

    Map<Integer, Long> msrs() {
        return msrs;
    }

    /** Lines that are neither data nor known as headings. */
    List<String> notUnderstood() {
        return notUnderstood;
    }

    private void line(String line) {
        if (line.startsWith("0x")) {
            raw(line);
        } else if (line.matches("CPUID \\S*[0-9].*")) {
            aidaLeaf(line);
        } else if (line.matches("MSR \\S*[0-9].*")) {
            aidaMsr(line);
        } else {
            heading(line);
        }
    }

    private void heading(String line) {
        Matcher raw = RAW_PROCESSOR.matcher(line);
        Matcher aida = AIDA_PROCESSOR.matcher(line);
        if (raw.matches()) {
            otherProcessor = !raw.group(1).equals("0");
        } else if (aida.matches()) {
            otherProcessor = !aida.group(1).equals("0");
        } else if (line.startsWith("---")) {
            otherProcessor = false;
        } else if (line.matches("[^:=]+") && !line.isEmpty()) {
            notUnderstood.add("line " + number + ": " + line);
        }
    }

    private void raw(String line) {
        Matcher matcher = RAW_LEAF.matcher(line);
        if (!matcher.matches()) {
            throw error("leaf", line);
        }
        String[] words = matcher.group(3).trim().split("\\s+");
        int[] answer = new int[4];
        for (int i = 0; i < 4; i++) {
            String prefix = REGISTERS[i] + "=0x";
            if (i >= words.length || !words[i].startsWith(prefix)) {
                throw error(REGISTERS[i], i < words.length ? words[i] : "");
            }
            answer[i] = hex(REGISTERS[i], words[i].substring(prefix.length()), 8);
        }
        if (words.length > 4) {
            throw error("end of line", words[4]);
        }
        put(hex("leaf", matcher.group(1), 8), hex("subleaf", matcher.group(2), 8), answer);
    }

    private void aidaLeaf(String line) {
        Matcher matcher = AIDA_LEAF.matcher(line);
        if (!matcher.matches()) {
            throw error("leaf", line);
        }
        String[] words = matcher.group(2).split("-", -1);
        int[] answer = new int[4];
        for (int i = 0; i < 4; i++) {
            answer[i] = hex(REGISTERS[i], i < words.length ? words[i] : "", 8);
        }
        if (words.length > 4) {
            throw error("end of line", words[4]);
        }
        Matcher subleaf = AIDA_SUBLEAF.matcher(matcher.group(3));
        put(hex("leaf", matcher.group(1), 8), subleaf.find() ? hex("subleaf", subleaf.group(1), 8) : 0, answer);
    }

    private void aidaMsr(String line) {
        Matcher matcher = AIDA_MSR.matcher(line);
        if (!matcher.matches()) {
            throw error("MSR", line);
        }
        int index = hex("MSR", matcher.group(1), 8);
        String value = matcher.group(2);
        if (value.equals("<")) {
            return;
        }
        if (!value.matches("[0-9a-fA-F]{4}(-[0-9a-fA-F]{4}){3}")) {
            throw error("value", value);
        }
        if (!otherProcessor) {
            msrs.putIfAbsent(index, Long.parseUnsignedLong(value.replace("-", ""), 16));
        }
    }

    private void put(int leaf, int subleaf, int[] answer) {
        if (!otherProcessor) {
            leaves.putIfAbsent(CpuidTable.key(leaf, subleaf), answer);
        }
    }

    private int hex(String field, String text, int digits) {
        if (!text.matches("[0-9a-fA-F]{1," + digits + "}")) {
            throw error(field, text);
        }
        return Integer.parseUnsignedInt(text, 16);
    }

    private NestboxException error(String field, String text) {
        return new NestboxException(file, "line " + number + ": " + field + ": '" + text + "' cannot be read");
    }
}
