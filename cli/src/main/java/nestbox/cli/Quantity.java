package nestbox.cli;

import java.util.Locale;
import nestbox.core.NestboxException;

/** Numbers as users write them: sizes in QEMU's way and counts. */
final class Quantity {
    private static final int MEBIBYTE_SHIFT = 20;

    private Quantity() {}

    /** Bytes of {@code 512}, {@code 512M}, {@code 4G}, {@code 64k}; without a suffix MiB, as QEMU's {@code -m} has it. */
    static long memory(String option, String text) {
        String digits = text.toLowerCase(Locale.ROOT);
        if (digits.endsWith("ib")
                || digits.endsWith("b")
                        && digits.length() > 1
                        && Character.isLetter(digits.charAt(digits.length() - 2))) {
            digits = digits.substring(0, digits.length() - (digits.endsWith("ib") ? 2 : 1));
        }
        int shift = MEBIBYTE_SHIFT;
        int suffix = digits.isEmpty() ? -1 : "bkmgt".indexOf(digits.charAt(digits.length() - 1));
        if (suffix >= 0) {
            shift = 10 * suffix;
            digits = digits.substring(0, digits.length() - 1);
        }
        long value = number(option, text, digits, 10);
        long bytes = value << shift;
        if (bytes >> shift != value || bytes == 0) {
            throw new NestboxException(option, "'" + text + "' is no size of memory");
        }
        return bytes;
    }

    /** A count, with {@code k}, {@code M} or {@code G} for powers of 1000. */
    static long count(String option, String text) {
        int suffix = text.isEmpty() ? -1 : "kmg".indexOf(Character.toLowerCase(text.charAt(text.length() - 1)));
        if (suffix < 0) {
            return number(option, text, text, 10);
        }
        long factor = suffix == 0 ? 1_000 : suffix == 1 ? 1_000_000 : 1_000_000_000;
        long value = number(option, text, text.substring(0, text.length() - 1), 10);
        if (value > Long.MAX_VALUE / factor) {
            throw new NestboxException(option, "'" + text + "' is too large");
        }
        return value * factor;
    }

    /** Any 64-bit number, decimal or hexadecimal with 0x; may be negative. */
    static long any(String option, String text) {
        if (text.startsWith("0x") || text.startsWith("0X")) {
            try {
                return Long.parseUnsignedLong(text.substring(2), 16);
            } catch (NumberFormatException e) {
                throw new NestboxException(option, "'" + text + "' is no number", e);
            }
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new NestboxException(option, "'" + text + "' is no number", e);
        }
    }

    private static long number(String option, String text, String digits, int radix) {
        try {
            long value = Long.parseLong(digits.replace("_", ""), radix);
            if (value >= 0) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw new NestboxException(option, "'" + text + "' is no number", e);
        }
        throw new NestboxException(option, "'" + text + "' is negative");
    }
}
