package nestbox.x86.insn;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Parses lines of assembly source into statements; remembers code size, label scope and DEFAULT between them. */
final class SourceParser {
    private int bits;
    private boolean relative;
    private String scope = "";

    SourceParser(int bits) {
        bits(bits);
    }

    private void bits(long value) {
        if (value != 16 && value != 32 && value != 64) {
            throw new IllegalArgumentException("bits " + value);
        }
        bits = (int) value;
    }

    /** The statements of a line: labels, and what follows them. */
    List<Statement> parse(String line) {
        List<Statement> statements = new ArrayList<>();
        String text = withoutComment(line).trim();
        while (!text.isEmpty()) {
            int end = wordEnd(text);
            String word = text.substring(0, end);
            String rest = text.substring(end).trim();
            if (end > 0 && rest.startsWith(":") && Registers.find(word.toLowerCase(Locale.ROOT)) == null) {
                statements.add(label(word));
                text = rest.substring(1).trim();
                continue;
            }
            String next = rest.substring(0, wordEnd(rest)).toLowerCase(Locale.ROOT);
            if (next.equals("equ")) {
                Expression value = expression(rest.substring(3));
                statements.add(new Statement.Equate(word.startsWith(".") ? scope + word : word, value));
                return statements;
            }
            if (isData(next) && !word.equalsIgnoreCase("times") && !isData(word.toLowerCase(Locale.ROOT))) {
                statements.add(label(word));
                text = rest;
                continue;
            }
            Statement statement = statement(text);
            if (statement != null) {
                statements.add(statement);
            }
            return statements;
        }
        return statements;
    }

    private static String withoutComment(String line) {
        char quote = 0;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '\'' || c == '"') {
                quote = c;
            } else if (c == ';') {
                return line.substring(0, i);
            }
        }
        return line;
    }

    private static int wordEnd(String text) {
        int end = 0;
        while (end < text.length() && ExpressionParser.isWord(text.charAt(end))) {
            end++;
        }
        return end;
    }

    private Statement label(String name) {
        if (name.startsWith(".")) {
            return new Statement.Label(scope + name);
        }
        scope = name;
        return new Statement.Label(name);
    }

    private static boolean isData(String word) {
        return switch (word) {
            case "db", "dw", "dd", "dq", "resb", "resw", "resd", "resq" -> true;
            default -> false;
        };
    }

    private static int unit(char letter) {
        return switch (letter) {
            case 'b' -> 1;
            case 'w' -> 2;
            case 'd' -> 4;
            default -> 8;
        };
    }

    /** A directive or an instruction; null for directives that only change the parser's state. */
    private Statement statement(String text) {
        int end = wordEnd(text);
        String word = text.substring(0, end).toLowerCase(Locale.ROOT);
        String rest = text.substring(end).trim();
        switch (word) {
            case "bits":
                bits(expression(rest).value(name -> 0));
                return null;
            case "default":
                relative = relative(rest);
                return null;
            case "org":
                return new Statement.Origin(expression(rest));
            case "align":
                return align(OperandParser.split(rest));
            case "times":
                return times(rest);
            case "db", "dw", "dd", "dq":
                return data(unit(word.charAt(1)), rest);
            case "resb", "resw", "resd", "resq":
                return new Statement.Reserve(expression(rest), unit(word.charAt(3)));
            default:
                return instruction(text);
        }
    }

    private static boolean relative(String rest) {
        if (!rest.equals("rel") && !rest.equals("abs")) {
            throw new IllegalArgumentException("default rel or abs expected");
        }
        return rest.equals("rel");
    }

    private Statement align(List<String> operands) {
        String filler = operands.size() > 1 ? operands.get(1).replaceFirst("^db\\s+", "") : "0x90";
        return new Statement.Align(
                expression(operands.get(0)), (int) expression(filler).value(name -> 0));
    }

    /** The count ends where a directive or an instruction begins. */
    private Statement times(String rest) {
        for (int i = 0; i < rest.length(); i++) {
            if (Character.isWhitespace(rest.charAt(i))) {
                String tail = rest.substring(i).trim();
                String word = tail.substring(0, wordEnd(tail)).toLowerCase(Locale.ROOT);
                if (isData(word) || Assembler.knows(word) || prefix(word) != 0) {
                    return new Statement.Times(expression(rest.substring(0, i)), statement(tail));
                }
            }
        }
        throw new IllegalArgumentException("times needs a count and a statement");
    }

    private Statement data(int width, String text) {
        List<Object> items = new ArrayList<>();
        for (String item : OperandParser.split(text)) {
            boolean quoted = item.length() >= 2
                    && "'\"".indexOf(item.charAt(0)) >= 0
                    && item.indexOf(item.charAt(0), 1) == item.length() - 1;
            items.add(quoted ? item.substring(1, item.length() - 1) : expression(item));
        }
        if (items.isEmpty()) {
            throw new IllegalArgumentException("value expected");
        }
        return new Statement.Data(width, items);
    }

    private Expression expression(String text) {
        return new ExpressionParser(text, scope).parse();
    }

    /** Parses one operand in the current scope. */
    Arg operand(String text) {
        return new OperandParser(scope, relative && bits == 64).parse(text);
    }

    private Statement instruction(String text) {
        String head = text;
        while (true) {
            int end = wordEnd(head);
            String word = head.substring(0, end).toLowerCase(Locale.ROOT);
            String rest = head.substring(end).trim();
            if (prefix(word) == 0 && size(word) == 0 || rest.isEmpty()) {
                List<Arg> args = new ArrayList<>();
                for (String operand : OperandParser.split(rest)) {
                    args.add(operand(operand));
                }
                return instruction(text.substring(0, text.length() - head.length() + end), args);
            }
            head = rest;
        }
    }

    /** An instruction from its mnemonic with the prefix words before it, and its operands. */
    Statement.Instruction instruction(String words, List<Arg> args) {
        List<Integer> prefixes = new ArrayList<>();
        int operandBits = 0;
        int addressBits = 0;
        String[] all = words.trim().toLowerCase(Locale.ROOT).split("\\s+");
        for (int i = 0; i < all.length - 1; i++) {
            if (prefix(all[i]) != 0) {
                prefixes.add(prefix(all[i]));
            } else if (all[i].startsWith("o")) {
                operandBits = size(all[i]);
            } else {
                addressBits = size(all[i]);
            }
        }
        String mnemonic = all[all.length - 1];
        return new Statement.Instruction(new Request(mnemonic, args, prefixes, operandBits, addressBits), bits);
    }

    private static int prefix(String word) {
        return switch (word) {
            case "lock" -> 0xf0;
            case "rep", "repe", "repz" -> 0xf3;
            case "repne", "repnz" -> 0xf2;
            case "es" -> 0x26;
            case "cs" -> 0x2e;
            case "ss" -> 0x36;
            case "ds" -> 0x3e;
            case "fs" -> 0x64;
            case "gs" -> 0x65;
            default -> 0;
        };
    }

    private static int size(String word) {
        return switch (word) {
            case "o16", "a16" -> 16;
            case "o32", "a32" -> 32;
            case "o64", "a64" -> 64;
            default -> 0;
        };
    }
}
