package nestbox.x86.insn;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import nestbox.x86.model.Feature;

/** Reads the instruction table's text: columns divided by bars, {@code #} comments, {@code =} titles of manual pages. */
final class TableParser {
    private static final int COLUMNS = 5;
    /** What {@code cc} stands for, by the condition's number. */
    private static final String[] CONDITIONS = {
        "O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G"
    };

    private final Map<String, Operand> operands = new HashMap<>();
    private final Map<String, Parsed> lists = new HashMap<>();
    private final String[] columns = new String[COLUMNS];

    /** An operand list, parsed once for all the rows that have it. */
    private record Parsed(List<String> names, List<Operand> kinds, Shape shape) {}

    /** Parses all rows, in order. */
    void parse(BufferedReader reader, List<Form> into) throws IOException {
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            if (line.isEmpty() || line.charAt(0) == '#' || line.charAt(0) == '=') {
                continue;
            }
            try {
                row(line, into);
            } catch (RuntimeException e) {
                throw new IllegalArgumentException("instruction table: " + line, e);
            }
        }
    }

    private void row(String line, List<Form> into) {
        int at = 0;
        for (int i = 0; i < COLUMNS; i++) {
            int bar = at > line.length() ? -1 : line.indexOf('|', at);
            int end = bar < 0 ? line.length() : bar;
            columns[i] = at >= end ? "" : line.substring(at, end).trim();
            at = end + 1;
        }
        Parsed list = operands(columns[2]);
        int attributes = attributes(columns[4]);
        Encoding encoding = narrow(Encoding.parse(columns[1]), list.kinds, attributes);
        Feature feature = columns[3].isEmpty() ? null : Feature.valueOf(columns[3]);
        if (encoding.count() < CONDITIONS.length) {
            into.add(new Form(
                    columns[0], list.names, feature, attributes, encoding, list.kinds, list.shape, columns[1]));
            return;
        }
        for (int i = 0; i < CONDITIONS.length; i++) {
            String mnemonic = columns[0].replace("cc", CONDITIONS[i]);
            Encoding one = encoding.only(i);
            into.add(new Form(mnemonic, list.names, feature, attributes, one, list.kinds, list.shape, columns[1]));
        }
    }

    private Parsed operands(String text) {
        Parsed known = lists.get(text);
        if (known != null) {
            return known;
        }
        List<String> names = new ArrayList<>();
        List<Operand> kinds = new ArrayList<>();
        for (int at = 0; at < text.length(); ) {
            int comma = text.indexOf(',', at);
            int end = comma < 0 ? text.length() : comma;
            String name = text.substring(at, end).trim();
            names.add(name);
            Operand operand = operands.get(name);
            if (operand == null) {
                operand = Operand.parse(name);
                operands.put(name, operand);
            }
            kinds.add(operand);
            at = end + 1;
        }
        Parsed parsed = new Parsed(List.copyOf(names), List.copyOf(kinds), Shape.of(kinds));
        lists.put(text, parsed);
        return parsed;
    }

    private static int attributes(String text) {
        int bits = 0;
        for (int at = 0; at < text.length(); ) {
            int space = text.indexOf(' ', at);
            int end = space < 0 ? text.length() : space;
            int bit = Attribute.byName(text.substring(at, end));
            if (bit == 0) {
                throw new IllegalArgumentException("attribute " + text);
            }
            bits |= bit;
            at = end + 1;
        }
        return bits;
    }

    /** Adds to the encoding what operands and attributes demand. */
    private static Encoding narrow(Encoding encoding, List<Operand> kinds, int attributes) {
        long permitted = encoding.permitted();
        if ((attributes & Attribute.ANYMOD) == 0) {
            for (Operand operand : kinds) {
                if (operand.isRmRegister()) {
                    permitted &= ~Match.MEMORY;
                } else if (operand.kind() == Operand.Kind.MEMORY) {
                    permitted &= ~Match.REGISTER;
                }
            }
        }
        if ((attributes & Attribute.I64) != 0) {
            permitted &= ~Match.size(Match.CODE, 64);
        }
        if ((attributes & Attribute.ONLY64) != 0) {
            permitted &= ~(Match.size(Match.CODE, 16) | Match.size(Match.CODE, 32));
        }
        if ((attributes & (Attribute.VSIB | Attribute.VSIBX)) != 0) {
            permitted &= ~(Match.ANY_RM ^ 1L << Match.RM + 4 | Match.size(Match.ADDRESS, 16));
        }
        if ((attributes & Attribute.REP) != 0) {
            permitted &= ~(Match.NO_PREFIX | Match.PREFIX_66);
        }
        if ((attributes & Attribute.INTEL) != 0) {
            permitted &= ~Match.AMD;
        }
        if ((attributes & Attribute.AMD) != 0) {
            permitted &= ~Match.INTEL;
        }
        return new Encoding(encoding.map(), encoding.opcode(), encoding.count(), encoding.modrm(), permitted);
    }
}
