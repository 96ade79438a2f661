package nestbox.x86.insn;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Parses operands in Intel syntax: registers, memory in brackets, immediates, far pointers, each with an optional width. */
final class OperandParser {
    private final String scope;
    /** Memory without registers is RIP-relative in 64-bit code ({@code default rel}). */
    private final boolean relativeByDefault;

    OperandParser(String scope, boolean relativeByDefault) {
        this.scope = scope;
        this.relativeByDefault = relativeByDefault;
    }

    /** Splits at commas outside brackets and quotes. */
    static List<String> split(String text) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        char quote = 0;
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '\'' || c == '"') {
                quote = c;
            } else if (c == '(' || c == '[') {
                depth++;
            } else if (c == ')' || c == ']') {
                depth--;
            } else if (c == ',' && depth == 0) {
                parts.add(text.substring(start, i).trim());
                start = i + 1;
            }
        }
        String last = text.substring(start).trim();
        if (!last.isEmpty() || !parts.isEmpty()) {
            parts.add(last);
        }
        return parts;
    }

    Arg parse(String operand) {
        String text = operand.trim();
        int bits = 0;
        boolean far = false;
        boolean near = false;
        while (true) {
            int space = wordEnd(text);
            String word = text.substring(0, space).toLowerCase(Locale.ROOT);
            int width = width(word);
            if (width > 0) {
                bits = width;
            } else if (word.equals("far")) {
                far = true;
            } else if (word.equals("near")) {
                near = true;
            } else if (word.equals("short")) {
                bits = 8;
            } else if (!word.equals("ptr") && !word.equals("strict")) {
                break;
            }
            text = text.substring(space).trim();
        }
        if (text.isEmpty()) {
            throw new IllegalArgumentException("operand expected");
        }
        if (text.endsWith("]")) {
            return memory(text, bits, far);
        }
        Arg.Register register = Registers.find(text.toLowerCase(Locale.ROOT));
        if (register != null) {
            return register;
        }
        int colon = text.indexOf(':');
        if (colon >= 0) {
            return new Arg.Far(expression(text.substring(0, colon)), expression(text.substring(colon + 1)), bits);
        }
        return new Arg.Immediate(expression(text), bits, near);
    }

    private static int wordEnd(String text) {
        int end = 0;
        while (end < text.length() && ExpressionParser.isWord(text.charAt(end))) {
            end++;
        }
        return end;
    }

    static int width(String word) {
        return switch (word) {
            case "byte" -> 8;
            case "word" -> 16;
            case "dword" -> 32;
            case "qword" -> 64;
            case "tword", "tbyte" -> 80;
            case "oword", "xmmword" -> 128;
            case "yword", "ymmword" -> 256;
            default -> 0;
        };
    }

    private Expression expression(String text) {
        return new ExpressionParser(text, scope).parse();
    }

    private Arg memory(String text, int bits, boolean far) {
        int open = text.indexOf('[');
        if (open < 0) {
            throw new IllegalArgumentException("'[' expected");
        }
        MemoryBuilder builder = new MemoryBuilder();
        String outside = text.substring(0, open).trim();
        if (outside.endsWith(":")) {
            builder.segment(outside.substring(0, outside.length() - 1));
        } else if (!outside.isEmpty()) {
            throw new IllegalArgumentException("unexpected '" + outside + "'");
        }
        builder.address(text.substring(open + 1, text.length() - 1).trim());
        return builder.build(bits, far);
    }

    /** Collects the parts of an address. */
    private final class MemoryBuilder {
        private int segment = -1;
        private Arg.Register base;
        private Arg.Register index;
        private int scale = 1;
        private int addressBits;
        private boolean relative;
        private boolean absolute;
        private final StringBuilder displacement = new StringBuilder();

        void segment(String name) {
            Arg.Register register = Registers.find(name.trim().toLowerCase(Locale.ROOT));
            if (register == null || register.type() != Arg.Type.SEGMENT) {
                throw new IllegalArgumentException("segment register expected: " + name);
            }
            segment = register.number();
        }

        void address(String inside) {
            String text = inside;
            while (true) {
                int end = wordEnd(text);
                String word = text.substring(0, end).toLowerCase(Locale.ROOT);
                if (word.equals("rel")) {
                    relative = true;
                } else if (word.equals("abs")) {
                    absolute = true;
                } else if (width(word) > 0) {
                    addressBits = width(word);
                } else if (end > 0 && text.substring(end).trim().startsWith(":")) {
                    segment(word);
                    end = text.indexOf(':') + 1;
                } else {
                    break;
                }
                text = text.substring(end).trim();
            }
            terms(text);
        }

        /** Divides at the signs outside parentheses. */
        private void terms(String text) {
            int depth = 0;
            int start = 0;
            char sign = '+';
            for (int i = 0; i <= text.length(); i++) {
                char c = i < text.length() ? text.charAt(i) : '+';
                depth += c == '(' ? 1 : c == ')' ? -1 : 0;
                boolean divides = depth == 0 && (c == '+' || c == '-');
                if (divides && !text.substring(start, i).isBlank() && !endsInOperator(text, start, i)) {
                    term(sign, text.substring(start, i).trim());
                    sign = c;
                    start = i + 1;
                } else if (divides && text.substring(start, i).isBlank() && i < text.length()) {
                    sign = c == '-' ? (sign == '-' ? '+' : '-') : sign;
                    start = i + 1;
                }
            }
        }

        private boolean endsInOperator(String text, int start, int end) {
            String before = text.substring(start, end).trim();
            return "*/%&|^<>".indexOf(before.charAt(before.length() - 1)) >= 0;
        }

        private void term(char sign, String term) {
            int star = term.indexOf('*');
            Arg.Register plain = general(term);
            if (plain != null && sign == '+') {
                if (base == null && plain.type() == Arg.Type.GENERAL) {
                    base = plain;
                } else {
                    index(plain, 1);
                }
                return;
            }
            if (star > 0 && sign == '+') {
                Arg.Register left = general(term.substring(0, star));
                Arg.Register right = general(term.substring(star + 1));
                if (left != null || right != null) {
                    String factor = left != null ? term.substring(star + 1) : term.substring(0, star);
                    index(left != null ? left : right, (int) expression(factor).value(name -> 0));
                    return;
                }
            }
            displacement.append(sign).append('(').append(term).append(')');
        }

        /** A register that an address can hold: general, or a vector of indices. */
        private Arg.Register general(String name) {
            Arg.Register register = Registers.find(name.trim().toLowerCase(Locale.ROOT));
            boolean fits = register != null
                    && (register.type() == Arg.Type.VECTOR
                            || register.type() == Arg.Type.GENERAL && register.bits() > 8);
            return fits ? register : null;
        }

        private void index(Arg.Register register, int factor) {
            if (index != null || Integer.bitCount(factor) != 1 || factor > 8) {
                throw new IllegalArgumentException("address cannot be encoded");
            }
            index = register;
            scale = factor;
        }

        Arg.Memory build(int bits, boolean far) {
            boolean bare = base == null && index == null;
            Expression offset = displacement.length() == 0 ? Expression.of(0) : expression("0" + displacement);
            boolean rip = bare && (relative || relativeByDefault && !absolute && segment < 4 && addressBits == 0);
            return new Arg.Memory(bits, far, segment, base, index, scale, offset, rip, addressBits);
        }
    }
}
