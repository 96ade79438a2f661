package nestbox.x86.insn;

import java.util.function.LongBinaryOperator;

/**
 * Numbers, characters, labels, {@code $}, {@code $$} and NASM's operators, by precedence: {@code |}, {@code ^}, {@code &},
 * shifts, sums, products, unary {@code - + ~}, parentheses.
 */
final class ExpressionParser {
    private static final String[][] LEVELS = {{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}};

    private final String text;
    /** Label that local labels, which begin with a dot, belong to. */
    private final String scope;

    private int at;

    ExpressionParser(String text, String scope) {
        this.text = text;
        this.scope = scope;
    }

    /** Parses all of the text. */
    Expression parse() {
        Expression value = level(0);
        skip();
        if (at < text.length()) {
            throw new IllegalArgumentException("unexpected '" + text.substring(at) + "'");
        }
        return value;
    }

    private Expression level(int level) {
        if (level == LEVELS.length) {
            return unary();
        }
        Expression left = level(level + 1);
        while (true) {
            String operator = operator(LEVELS[level]);
            if (operator == null) {
                return left;
            }
            left = binary(left, level(level + 1), operation(operator));
        }
    }

    private String operator(String[] candidates) {
        skip();
        for (String candidate : candidates) {
            if (text.startsWith(candidate, at)) {
                at += candidate.length();
                return candidate;
            }
        }
        return null;
    }

    private static LongBinaryOperator operation(String operator) {
        return switch (operator) {
            case "|" -> (a, b) -> a | b;
            case "^" -> (a, b) -> a ^ b;
            case "&" -> (a, b) -> a & b;
            case "<<" -> (a, b) -> a << b;
            case ">>" -> (a, b) -> a >>> b;
            case "+" -> Long::sum;
            case "-" -> (a, b) -> a - b;
            case "*" -> (a, b) -> a * b;
            case "/" -> (a, b) -> b == 0 ? 0 : a / b;
            default -> (a, b) -> b == 0 ? 0 : a % b;
        };
    }

    private static Expression binary(Expression a, Expression b, LongBinaryOperator operation) {
        if (a.constant() && b.constant()) {
            return Expression.of(operation.applyAsLong(a.value(null), b.value(null)));
        }
        return new Expression() {
            @Override
            public long value(java.util.function.ToLongFunction<String> symbols) {
                return operation.applyAsLong(a.value(symbols), b.value(symbols));
            }

            @Override
            public boolean constant() {
                return false;
            }
        };
    }

    private Expression unary() {
        skip();
        if (at >= text.length()) {
            throw new IllegalArgumentException("expression expected");
        }
        char c = text.charAt(at);
        switch (c) {
            case '-':
                at++;
                return binary(Expression.of(0), unary(), (a, b) -> a - b);
            case '+':
                at++;
                return unary();
            case '~':
                at++;
                return binary(Expression.of(-1), unary(), (a, b) -> a ^ b);
            case '(':
                at++;
                Expression inner = level(0);
                skip();
                if (at >= text.length() || text.charAt(at) != ')') {
                    throw new IllegalArgumentException("')' expected");
                }
                at++;
                return inner;
            case '\'', '"':
                return characters(c);
            default:
                return atom();
        }
    }

    /** A character constant: its bytes from the lowest up. */
    private Expression characters(char quote) {
        int end = text.indexOf(quote, at + 1);
        if (end < 0) {
            throw new IllegalArgumentException("unterminated string");
        }
        long value = 0;
        for (int i = end - 1; i > at; i--) {
            value = value << 8 | text.charAt(i) & 0xff;
        }
        at = end + 1;
        return Expression.of(value);
    }

    private Expression atom() {
        int start = at;
        while (at < text.length() && isWord(text.charAt(at))) {
            at++;
        }
        String word = text.substring(start, at);
        if (word.isEmpty()) {
            throw new IllegalArgumentException("unexpected '" + text.substring(start) + "'");
        }
        if (Character.isDigit(word.charAt(0))) {
            return Expression.of(number(word));
        }
        if (Registers.find(word.toLowerCase(java.util.Locale.ROOT)) != null) {
            throw new IllegalArgumentException("register " + word + " in an expression");
        }
        return Expression.symbol(word.startsWith(".") ? scope + word : word);
    }

    static boolean isWord(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '.' || c == '$' || c == '@' || c == '?';
    }

    private static long number(String word) {
        String digits = word.toLowerCase(java.util.Locale.ROOT).replace("_", "");
        try {
            if (digits.startsWith("0x")) {
                return Long.parseUnsignedLong(digits.substring(2), 16);
            }
            if (digits.startsWith("0b")) {
                return Long.parseUnsignedLong(digits.substring(2), 2);
            }
            if (digits.endsWith("h")) {
                return Long.parseUnsignedLong(digits.substring(0, digits.length() - 1), 16);
            }
            return Long.parseUnsignedLong(digits);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("number " + word, e);
        }
    }

    private void skip() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
    }
}
